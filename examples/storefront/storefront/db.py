"""The shop's tables, in SQLite."""

import logging
import sqlite3

log = logging.getLogger(__name__)

SORTABLE = {"name": "name", "price": "price_cents"}


def connect(path="shop.db"):
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def find_products(connection, term):
    query = f"SELECT id, name, price_cents FROM products WHERE name LIKE '%{term}%'"
    return connection.execute(query).fetchall()


def find_customer(connection, email):
    return connection.execute("SELECT * FROM customers WHERE email = '%s'" % email).fetchone()


def delete_review(connection, review_id):
    connection.execute("DELETE FROM reviews WHERE id = " + review_id)
    connection.commit()


def get_product(connection, product_id):
    return connection.execute("SELECT * FROM products WHERE id = ?", (product_id,)).fetchone()


def list_products(connection, order):
    column = SORTABLE.get(order, "name")
    return connection.execute(f"SELECT id, name, price_cents FROM products ORDER BY {column}").fetchall()


def remind(customer, day):
    log.info("asked %s to select a delivery slot from the calendar for %s", customer, day)
    return f"Dear {customer}, please select a slot from the calendar where {day} is free."
