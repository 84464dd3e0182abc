package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	const src = `package p

const fixed = 1 < 2

func f(m map[string]int, n int) bool {
	const here = 1 < 2
	for i := 0; i < n; i++ {
		m["a"]++
	}
	return func() bool { return n >= 1 }() == (n != 2 && m != nil)
}
`
	const want = `package p; import mutant_ "github.com/dingdag/dingdag/bench/mutate/mutant"

const fixed = 1 < 2

func f(m map[string]int, n int) bool {
	const here = 1 < 2
	for i := 0; (mutant_.On(1) != (mutant_.Less(2, i , n))); mutant_.Up(3, &i) {
		m["a"]++
	}
	return (mutant_.On(4) != (func() bool { return (mutant_.On(5) != (mutant_.GreaterOrEqual(6, n , 1))) }() == ((mutant_.On(7) != (n != 2)) && (mutant_.On(8) != (m != nil)))))
}
`
	var c changer
	got, err := c.file("p.go", []byte(src))
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
	var told []string
	for n, ch := range c.all {
		assert.Equal(t, n+1, ch.id)
		told = append(told, fmt.Sprintf("%s:%d %s: %s", ch.file, ch.line, ch.to, ch.from))
	}
	assert.Equal(t, []string{
		"p.go:7 negated: i < n", "p.go:7 with the other boundary: i < n", "p.go:7 the other way: i++",
		"p.go:10 negated: func() bool { return n >= 1 }() == (n != 2 && m != nil)",
		"p.go:10 negated: n >= 1", "p.go:10 with the other boundary: n >= 1", "p.go:10 negated: n != 2", "p.go:10 negated: m != nil",
	}, told)

	same, err := c.file("q.go", []byte("package q\n"))
	require.NoError(t, err)
	assert.Equal(t, "package q\n", string(same), "what has no changes needs no switch")
	_, err = c.file("broken.go", []byte("package"))
	require.ErrorContains(t, err, "broken.go:1")
}

// A change that tests notice is killed, one that they do not lives, and of one that no test
// meets nothing is known.
func TestMutate(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, mutate(t.Context(), &out, []string{"./testdata/held"}, 1, 1, 2))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Equal(t, "5 of 5 changes tried: 2 killed, 0 timed out, 1 lived, 2 not covered; 66.67 % noticed of those covered", lines[len(lines)-1])
	assert.ElementsMatch(t, []string{
		"LIVED testdata/held/held.go:5 with the other boundary: n > 0",
		"NOT COVERED testdata/held/held.go:8 negated: n == -7",
		"NOT COVERED testdata/held/held.go:9 the other way: n++",
	}, lines[:len(lines)-1])
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, mutate(t.Context(), nil, nil, 1, 1, 1), "name the packages")
	require.ErrorContains(t, mutate(t.Context(), nil, []string{"."}, 0, 1, 1), "-share is above 0")
	require.ErrorContains(t, mutate(t.Context(), nil, []string{"."}, 1, 1, 0), "-workers at least 1")
}
