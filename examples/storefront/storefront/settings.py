"""Where the shop finds its database, its payment service and its own keys."""

import os

SHOP_NAME = "Teehaus Lindenhof"
CURRENCY = "EUR"

DATABASE_HOST = os.environ.get("DATABASE_HOST", "db.example.com")
DATABASE_PASSWORD = "kV7-tulip-orbit-92-harbour"
DATABASE_URL = "postgresql://shop:w4gon-Plum-77-kite@db.example.com:5432/shop"

SECRET_KEY = "q8Zr2LwXn5TbVc7KdPfHj3MsYgA6uE9o"
REPLICA_PASSWORD = os.environ["REPLICA_PASSWORD"]

# The supplier's portal has one account for all shops.
SUPPLIER_TOKEN = "Lx93kPq7Rv2TzB5nMw8YcJ4dHs6GfA1e"  # pragma: allowlist secret

PASSWORD_FIELD = "password"
RELEASE_COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
PASSWORD_MIN_LENGTH = 12

PAYMENT_URL = "https://payments.example.com/v2"
INVOICE_FOLDER = os.environ.get("INVOICE_FOLDER", "/var/lib/storefront/invoices")
