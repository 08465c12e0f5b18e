"""The shop's pages."""

import os

import jinja2
from flask import Flask, redirect, request, send_file

from storefront import accounts, catalogue, db, invoices, settings

app = Flask(__name__)
app.secret_key = settings.SECRET_KEY

pages = jinja2.Environment(loader=jinja2.FileSystemLoader("pages"), autoescape=False)
mails = jinja2.Environment(loader=jinja2.FileSystemLoader("mails"), autoescape=True)


@app.get("/search")
def search():
    term = request.args.get("q", "")
    found = db.find_products(db.connect(), term)
    return f"<h1>{len(found)} teas for {term}</h1>"


@app.get("/products")
def products():
    return pages.get_template("products.html").render(
        products=db.list_products(db.connect(), request.args.get("order", "name"))
    )


@app.post("/login")
def login():
    customer = db.find_customer(db.connect(), request.form["email"])
    if customer and customer["password"] == accounts.hash_password(request.form[settings.PASSWORD_FIELD]):
        return redirect(request.args.get("next", "/"))
    return "no such customer", 401


@app.get("/orders/<order_id>")
def order(order_id):
    return dict(db.connect().execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone())


@app.get("/invoices/<path:name>")
def invoice(name):
    return send_file(os.path.join(settings.INVOICE_FOLDER, request.args.get("file", name)))


@app.post("/basket")
def basket():
    goods = catalogue.restore_basket(request.cookies["basket"].encode("latin-1"))
    return {"total": catalogue.apply_discount_rule(request.form["rule"], goods)}


@app.post("/print")
def print_order():
    invoices.print_invoice(request.form["path"], request.form["printer"])
    return "", 204


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000, debug=True)
