//go:build race

package cli_test

// underRace says that the tests run with the race detector, with which SQLite takes some fifty times as long.
const underRace = true
