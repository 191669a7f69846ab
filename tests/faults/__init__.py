"""Each step made to fail once, and a broker killed in mid-work again and again; what must then still hold."""
