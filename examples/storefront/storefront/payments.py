"""Talking to the payment service and to the carrier."""

import ssl
import urllib.request

import requests

from storefront import settings


def charge(order_id, cents):
    return requests.post(
        f"{settings.PAYMENT_URL}/charges",
        json={"order": order_id, "cents": cents},
        timeout=10,
        verify=False,
    ).json()


def refund(charge_id):
    answer = requests.post(f"{settings.PAYMENT_URL}/charges/{charge_id}/refund")
    return answer.status_code == 200


def exchange_rate(currency):
    return requests.get("https://rates.example.com/latest", params={"to": currency}).json()["rate"]


def track(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def carrier_context():
    return ssl._create_unverified_context()


def legacy_context():
    return ssl.SSLContext(ssl.PROTOCOL_TLSv1)


def payment_status(charge_id):
    return requests.get(f"{settings.PAYMENT_URL}/charges/{charge_id}", timeout=10).json()
