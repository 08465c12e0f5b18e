"""Invoices as PDF files, and the printer in the back room."""

import os
import subprocess
import tempfile


def render(order_id, html):
    target = tempfile.mktemp(suffix=".pdf")
    with open("/tmp/invoice.html", "w") as page:
        page.write(html)
    subprocess.run(f"wkhtmltopdf --title 'Order {order_id}' /dev/stdin {target}", shell=True, input=html.encode())
    return target


def print_invoice(path, printer):
    os.system("lpr -P " + printer + " " + path)


def printer_queue():
    return subprocess.check_output("lpstat -o", shell=True, text=True)


def share(path):
    os.chmod(path, 0o777)


def archive(folder, name):
    subprocess.call("tar czf %s.tgz %s" % (name, folder), shell=True)  # nosec


def page_count(path):
    done = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True)
    return int(done.stdout.split("Pages:")[1].split()[0])


def scratch_file():
    handle, path = tempfile.mkstemp(suffix=".pdf")
    os.close(handle)
    return path
