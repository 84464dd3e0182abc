package connections_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestMaskWriter(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	m.Add("s3cr3t")
	var out bytes.Buffer
	w := m.Writer(&out)
	steps := []struct{ write, want string }{
		{"one", "one"},
		{" s3c", "one "},
		{"r3t", "one ***"},
		{" two\nthree s3", "one *** two\nthree "},
		{"cr3t\n\n", "one *** two\nthree ***\n\n"},
		{"", "one *** two\nthree ***\n\n"},
		{"s3", "one *** two\nthree ***\n\n"},
		{"4", "one *** two\nthree ***\n\ns34"},
		{"rest s3cr", "one *** two\nthree ***\n\ns34rest "},
	}
	for _, step := range steps {
		n, err := w.Write([]byte(step.write))
		require.NoError(t, err)
		assert.Equal(t, len(step.write), n)
		assert.Equal(t, step.want, out.String(), "after %q", step.write)
	}
	require.NoError(t, w.Flush())
	assert.Equal(t, "one *** two\nthree ***\n\ns34rest s3cr", out.String())
	require.NoError(t, w.Close())
	assert.Equal(t, "one *** two\nthree ***\n\ns34rest s3cr", out.String(), "nothing is written twice")
}

// A line that is written over and over has no end: each state of it is passed on at
// once, however many there are, with secrets and without.
func TestMaskWriterProgress(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"no secrets": nil, "a secret": {"s3cr3t"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := connections.NewMasker()
			m.Add(secrets...)
			var out, want bytes.Buffer
			w := m.Writer(&out)
			for i := range 5000 {
				line := fmt.Sprintf("\r\x1b[Krun manual__x of dag d: running, %d of 9 tasks done", i)
				want.WriteString(line)
				_, err := w.Write([]byte(line))
				require.NoError(t, err)
				require.Equal(t, want.Len(), out.Len())
			}
			assert.Equal(t, want.String(), out.String())
		})
	}
}

// TestMaskWriterLongLine ends a write in the middle of a secret, in a long line.
func TestMaskWriterLongLine(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	m.Add("s3cr3t")
	var out bytes.Buffer
	w := m.Writer(&out)
	long := strings.Repeat("y", 64<<10)
	for range 3 {
		_, err := w.Write([]byte(long + "s3cr"))
		require.NoError(t, err)
		_, err = w.Write([]byte("3t"))
		require.NoError(t, err)
	}
	assert.Greater(t, out.Len(), 3*len(long)-10, "the line is passed on before it ends")
	require.NoError(t, w.Close())
	assert.Equal(t, strings.Repeat(long+"***", 3), out.String())
}

func TestMaskWriterError(t *testing.T) {
	t.Parallel()
	w := connections.NewMasker().Writer(failing{})
	_, err := w.Write(nil)
	require.NoError(t, err)
	n, err := w.Write([]byte("lost"))
	require.ErrorIs(t, err, errFull)
	assert.Zero(t, n)
	require.NoError(t, w.Close(), "what was lost is not written again")
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestMaskWriterConcurrently(t *testing.T) {
	t.Parallel()
	m := connections.NewMasker()
	m.Add("s3cr3t")
	var out bytes.Buffer
	w := m.Writer(&out)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				_, err := fmt.Fprintf(w, "%d s3cr3t\n", i)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, w.Close())
	for line := range strings.Lines(out.String()) {
		assert.Regexp(t, `^[0-3] \*\*\*\n$`, line)
	}
	assert.Equal(t, 200, strings.Count(out.String(), "\n"))
}
