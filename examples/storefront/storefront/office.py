"""The pages of the back office: for clerks only."""

import functools
import hmac
import logging

from flask import Blueprint, abort, g, request, session
from flask_cors import CORS

from storefront import db, settings

log = logging.getLogger(__name__)

office = Blueprint("office", __name__, url_prefix="/office")
CORS(office, supports_credentials=True)


def clerk_required(view):
    @functools.wraps(view)
    def guarded(*args, **kwargs):
        if "clerk" not in session:
            abort(403)
        return view(*args, **kwargs)

    return guarded


@office.get("/parcels")
@clerk_required
def parcels():
    return {"parcels": [dict(row) for row in db.connect().execute("SELECT * FROM parcels")]}


@office.post("/parcels/<int:parcel_id>/send")
@clerk_required
def send_parcel(parcel_id):
    db.connect().execute("UPDATE parcels SET sent = 1 WHERE id = ?", (parcel_id,))
    return "", 204


@office.post("/prices")
@clerk_required
def set_price():
    db.connect().execute(
        "UPDATE products SET price_cents = ? WHERE id = ?", (request.form["cents"], request.form["id"])
    )
    return "", 204


@office.post("/vouchers")
def make_voucher():
    db.connect().execute("INSERT INTO vouchers (code, cents) VALUES (?, ?)", (request.form["code"], 500))
    return "", 201


@office.get("/health")
def health():
    return {"status": "ok"}


@office.delete("/reviews/<int:review_id>")
@clerk_required
def delete_review(review_id):
    assert g.clerk.is_admin
    db.connect().execute("DELETE FROM reviews WHERE id = ?", (review_id,))
    return "", 204


@office.post("/import")
@clerk_required
def import_stock():
    try:
        return {"imported": db.import_stock(request.files["stock"])}
    except Exception as error:
        return {"error": str(error)}, 500


@office.post("/profile")
@clerk_required
def profile():
    g.clerk.update(**request.form)
    return "", 204


@office.post("/hooks/carrier")
def carrier_hook():
    if request.headers["X-Carrier-Key"] != settings.CARRIER_KEY:
        abort(403)
    expected = hmac.new(settings.CARRIER_KEY.encode(), request.data, "sha256").hexdigest()
    if expected != request.headers["signature"]:
        abort(403)
    return "", 204


@office.post("/hooks/bank")
def bank_hook():
    given = request.headers["X-Bank-Signature"]
    expected = hmac.new(settings.CARRIER_KEY.encode(), request.data, "sha256").hexdigest()
    if not hmac.compare_digest(expected, given):
        abort(403)
    return "", 204


@office.post("/login")
def login():
    name, password = request.form["name"], request.form["password"]
    clerk = db.find_clerk(db.connect(), name)
    if clerk is None:
        log.warning("nobody is called so, password was %s", password)
        abort(403)
    session["clerk"] = clerk["id"]
    return "", 204


@office.get("/find")
@clerk_required
def find():
    term = request.args.get("term", "")
    log.info("asked for " + term)
    return request.args.get("layout", "{term}").format(term=term, clerk=g.clerk)
