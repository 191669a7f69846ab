"""What tests share: fakes, builders and the small world."""
