//go:build race

package whole_test

// underRace says that the tests run with the race detector, with which a search takes some fifty times as long.
const underRace = true
