"""Taking in what suppliers send: price lists, stock files, pictures."""

import ast
import pickle
import tarfile
import xml.etree.ElementTree as ET
from xml.dom import minidom

import defusedxml.ElementTree
import yaml


def read_price_list(text):
    return yaml.load(text)


def read_delivery_terms(text):
    return yaml.load(text, Loader=yaml.Loader)


def read_shop_hours(text):
    return yaml.safe_load(text)


def read_menu(text):
    return yaml.load(text, Loader=yaml.SafeLoader)


def read_stock(text):
    return {item.get("sku"): int(item.get("count")) for item in ET.fromstring(text)}


def read_catalogue(text):
    return [node.getAttribute("name") for node in minidom.parseString(text).getElementsByTagName("tea")]


def read_tariffs(text):
    return [node.tag for node in defusedxml.ElementTree.fromstring(text)]


def restore_basket(cookie):
    return pickle.loads(cookie)


def unpack_pictures(path, folder):
    with tarfile.open(path) as archive:
        archive.extractall(folder)


def apply_discount_rule(rule, basket):
    return eval(rule, {"basket": basket})


def read_weights(text):
    return ast.literal_eval(text)  # never eval(): suppliers write these
