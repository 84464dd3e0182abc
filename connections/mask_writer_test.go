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
		{"one s3c", ""},
		{"r3t", ""},
		{" two\nthree s3", "one *** two\n"},
		{"cr3t\n\n", "one *** two\nthree ***\n\n"},
		{"", "one *** two\nthree ***\n\n"},
		{"rest s3cr3t", "one *** two\nthree ***\n\n"},
	}
	for _, step := range steps {
		n, err := w.Write([]byte(step.write))
		require.NoError(t, err)
		assert.Equal(t, len(step.write), n)
		assert.Equal(t, step.want, out.String())
	}
	require.NoError(t, w.Flush())
	assert.Equal(t, "one *** two\nthree ***\n\nrest ***", out.String())
	require.NoError(t, w.Close())
	assert.Equal(t, "one *** two\nthree ***\n\nrest ***", out.String(), "nothing is written twice")
}

// TestMaskWriterLongLine ends a write in the middle of a secret, in a line that
// is too long to be held back.
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
	_, err := w.Write([]byte("held"))
	require.NoError(t, err)
	n, err := w.Write([]byte("\n"))
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
