"""The nightly copy of the shop to the storage box."""

import ftplib

import paramiko


def upload(path, user, password):
    box = ftplib.FTP("storage.example.com", user, password)
    with open(path, "rb") as source:
        box.storbinary("STOR shop.db", source)


def remote_shell(host, user):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host, username=user)
    return client


def run_remote(client, folder):
    client.exec_command("ls -l " + folder)
