// Prints the labels of parcels; called by the warehouse's tablets.

const { exec, execFile } = require("child_process");
const https = require("https");
const express = require("express");
const { Pool } = require("pg");

const app = express();
const pool = new Pool();
const carrier = new https.Agent({ rejectUnauthorized: false });
const ownHost = new https.Agent({ keepAlive: true });

app.get("/labels/:order", async (req, res) => {
  const found = await pool.query(`SELECT * FROM orders WHERE id = '${req.params.order}'`);
  exec(`lp -d ${req.query.printer} /srv/labels/${found.rows[0].id}.pdf`);
  res.send("printed");
});

app.get("/labels/:order/again", async (req, res) => {
  const found = await pool.query("SELECT * FROM orders WHERE id = $1", [req.params.order]);
  execFile("lp", ["-d", "office", `/srv/labels/${found.rows[0].id}.pdf`]);
  res.redirect("/labels");
});

app.get("/files", (req, res) => res.sendFile("/srv/labels/" + req.query.name));

app.get("/hello", (req, res) => {
  res.send(`<p>Good morning, ${req.query.clerk}</p>`);
});

function pickupToken() {
  return Math.random().toString(36).slice(2);
}

function delay() {
  return Math.random() * 200;
}

module.exports = { app, carrier, ownHost, pickupToken, delay };
