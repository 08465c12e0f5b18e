// Asks the warehouse how many of each tea are left; runs beside the shop.

const { Pool } = require("pg");

const pool = new Pool();

async function left(skus) {
  const counts = {};
  for (const sku of skus) {
    const found = await pool.query("SELECT count FROM stock WHERE sku = $1", [sku]);
    counts[sku] = found.rows[0].count;
  }
  return counts;
}

async function leftAtOnce(skus) {
  const found = await pool.query("SELECT sku, count FROM stock WHERE sku = ANY($1)", [skus]);
  return Object.fromEntries(found.rows.map((row) => [row.sku, row.count]));
}

module.exports = { left, leftAtOnce };
