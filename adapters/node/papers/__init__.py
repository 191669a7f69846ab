"""Papers a node makes: receipts and notices for clients, exports of answers, what data protection asks for."""
