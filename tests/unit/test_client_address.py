"""The address on receipts."""

from schemas.client_address import client_address


def test_the_address_of_a_receipt_opens_the_clients_page() -> None:
    """With the code it opens the page; without one it is where the code is typed."""
    assert client_address("https://broker.example", "ABCD") == "https://broker.example/c/ABCD"
    assert client_address("https://broker.example") == "https://broker.example/c"
