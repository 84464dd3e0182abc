//go:build !race

package whole_test

const underRace = false
