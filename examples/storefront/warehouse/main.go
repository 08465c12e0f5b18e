// Package main counts parcels and tells the carrier.
package main

import (
	"crypto/md5"
	"crypto/tls"
	"database/sql"
	"fmt"
	"math/rand"
	"net/http"
	"os/exec"
)

var client = &http.Client{Transport: &http.Transport{
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
}}

func parcels(db *sql.DB, day string) (*sql.Rows, error) {
	return db.Query(fmt.Sprintf("SELECT id FROM parcels WHERE day = '%s'", day))
}

func parcel(db *sql.DB, id int) (*sql.Rows, error) {
	return db.Query("SELECT id FROM parcels WHERE id = $1", id)
}

func weigh(scale string) ([]byte, error) {
	return exec.Command("sh", "-c", "scale --port "+scale).Output()
}

func version() ([]byte, error) {
	return exec.Command("scale", "--version").Output()
}

func pickupToken() string {
	return fmt.Sprintf("%06d", rand.Intn(1000000))
}

func shelf() int {
	return rand.Intn(40)
}

func sign(text string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(text)))
}
