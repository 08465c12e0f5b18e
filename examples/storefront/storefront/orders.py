"""Orders: from the basket to the parcel."""

import csv
import datetime
import json
import logging
import re

from storefront import db, payments

log = logging.getLogger(__name__)

FREE_SHIPPING_CENTS = 4900


def open_orders(connection):
    orders = connection.execute("SELECT id, customer_id FROM orders WHERE state = 'open'").fetchall()
    rows = []
    for order in orders:
        customer = connection.execute(
            "SELECT name, city FROM customers WHERE id = ?", (order["customer_id"],)
        ).fetchone()
        rows.append((order["id"], customer["name"], customer["city"]))
    return rows


def open_orders_at_once(connection):
    joined = "SELECT o.id, c.name, c.city FROM orders o JOIN customers c ON c.id = o.customer_id"
    return [tuple(row) for row in connection.execute(joined)]


def items_of(connection, order_ids):
    return {one: db.get_product(connection, one) for one in order_ids}


def count_open(connection):
    return len(connection.execute("SELECT id FROM orders WHERE state = 'open'").fetchall())


def add_item(sku, count=1, basket=[]):
    basket.append((sku, count))
    return basket


def add_note(note, notes=None):
    notes = notes or []
    notes.append(note)
    return notes


def packing_list(items):
    text = ""
    for item in items:
        text += f"{item['count']} x {item['name']}\n"
    return text


def packing_list_html(items):
    return "".join(f"<li>{item['name']}</li>" for item in items)


def new_customers(orders):
    seen = []
    for order in orders:
        if order["customer_id"] not in seen:
            seen.append(order["customer_id"])
    return seen


def known_customers(orders, regulars):
    known = set(regulars)
    return [order for order in orders if order["customer_id"] in known]


def postcodes(addresses):
    found = []
    for address in addresses:
        pattern = re.compile(r"\b\d{5}\b")
        found.extend(pattern.findall(address))
    return found


def next_parcels(queue):
    parcels = []
    while queue and len(parcels) < 20:
        parcels.append(queue.pop(0))
    return parcels


def is_half_price(price, regular):
    return price / regular == 0.1 + 0.4 or price == regular * 0.5


def is_free(price_cents):
    return price_cents == 0.0


def shipping_cents(total_cents, country):
    if country == "DE":
        return 0 if total_cents >= FREE_SHIPPING_CENTS else 490
    else:
        return 1290
    return 990


def ordered_at():
    return datetime.datetime.utcnow().isoformat()


def shipped_at():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def charge_all(orders):
    for order in orders:
        try:
            payments.charge(order["id"], order["cents"])
        except Exception:
            pass


def cancel(connection, order_id):
    try:
        connection.execute("UPDATE orders SET state = 'cancelled' WHERE id = ?", (order_id,))
    except:
        log.warning("could not cancel %s", order_id)


def remove_label(path):
    try:
        path.unlink()
    except FileNotFoundError:
        pass


def read_export(path):
    source = open(path, newline="")
    return list(csv.DictReader(source))


def write_export(path, rows):
    with open(path, "w", newline="") as target:
        csv.writer(target).writerows(rows)


def refund_callbacks(charges):
    return [lambda: payments.refund(charge) for charge in charges]


def parse_count(text):
    try:
        return int(text)
    except ValueError:
        raise ValueError("a count is a number")


def state_of(order):
    if order["cancelled"] is "yes":
        return "cancelled"
    if order["parcel"] == None:
        return "packing"
    return "sent"


def check(order):
    if not order["lines"]:
        ValueError("an order needs a line")
    return json.dumps(order)


def parcel_weight(parcel):
    return parcel_weight(parcel) + sum(item["grams"] for item in parcel["items"])


def box_weight(box):
    if not box["boxes"]:
        return box["grams"]
    return sum(box_weight(one) for one in box["boxes"])


def surcharge(order, customer, carrier, country, season):
    extra = 0
    if order["heavy"]:
        if carrier == "post":
            extra += 300
        elif carrier == "bike" and country == "DE":
            extra += 500
        elif carrier == "van":
            for item in order["items"]:
                if item["fragile"] and not item["boxed"]:
                    extra += 150
                elif item["liquid"]:
                    extra += 90
    if season == "december" or season == "easter":
        extra += 100
    if customer["club"]:
        if order["cents"] > 10000:
            extra = 0
        elif order["cents"] > 5000 and country in ("DE", "AT"):
            extra //= 2
    if country not in ("DE", "AT", "CH"):
        extra += 700 if order["express"] else 350
    return extra
