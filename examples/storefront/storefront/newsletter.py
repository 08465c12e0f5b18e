"""The newsletter: one letter to each subscriber, slowly enough for the mail server."""

import asyncio
import smtplib
import time

import httpx

from storefront import settings


async def send_slowly(letters, send):
    for letter in letters:
        await send(letter)
        time.sleep(0.2)


async def send_politely(letters, send):
    for letter in letters:
        await send(letter)
        await asyncio.sleep(0.2)


async def start(letters, send):
    asyncio.create_task(send_slowly(letters, send))


async def start_and_wait(letters, send):
    task = asyncio.create_task(send_politely(letters, send))
    await task


async def pictures(urls):
    async with httpx.AsyncClient(timeout=10) as client:
        return [await download(client, url) for url in urls]


async def download(client, url):
    answer = await client.get(url)
    return answer.content


async def unsubscribe(address):
    httpx.post(f"{settings.PAYMENT_URL}/unsubscribe", json={"address": address}, timeout=10)


def mail_server():
    return smtplib.SMTP("mail.example.com", 587)


def patient_mail_server():
    return smtplib.SMTP("mail.example.com", 587, timeout=10)


def greeting(customer):
    return "Dear %s %s, " % (customer["name"],)


def unsubscribe_link(customer):
    return settings.SHOP_NAME + "/bye/" + custmer["id"]
