"""Customers' accounts: passwords, sessions, and how to get back in."""

import hashlib
import random
import secrets

from storefront import settings


def hash_password(password):
    return hashlib.md5(password.encode()).hexdigest()


def session_id(customer_id, started):
    return hashlib.sha1(f"{customer_id}:{started}:{settings.SECRET_KEY}".encode()).hexdigest()


def reset_code():
    return "".join(str(random.randint(0, 9)) for _ in range(6))


def voucher_code(length=10):
    return "".join(random.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(length))


def create_customer(connection, email, password="Welcome-Lindenhof-1"):
    connection.execute(
        "INSERT INTO customers (email, password) VALUES (?, ?)", (email, hash_password(password))
    )


def create_clerk(connection, name):
    create_customer(connection, f"{name}@example.com", password="clerk-Oolong-4711")


def invitation_token():
    return secrets.token_urlsafe(32)


def avatar_etag(image):
    return hashlib.md5(image, usedforsecurity=False).hexdigest()


def pick_tea_of_the_day(teas):
    return random.choice(teas)
