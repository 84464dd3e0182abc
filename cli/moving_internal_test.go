package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
)

var rewriteMoving = flag.Bool("moving", false, "write what is found in the files of testdata/moving into them")

// The files in testdata/moving are of the kinds that people bring here. Each begins with what is
// said of it, one comment a finding; one without such comments loads as it is.
func TestMovingFiles(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	names, err := filepath.Glob(filepath.Join("testdata", "moving", "*.yaml"))
	require.NoError(t, err)
	clean, warned, refused := 0, 0, 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		want, body := headed(string(data))
		dags, found := dagfile.Parse(name, []byte(body), c, dagfile.Options{})
		for _, d := range dags {
			found = append(found, c.Check(d)...)
		}
		found.Sort()
		got := comments(found)
		if *rewriteMoving {
			require.NoError(t, os.WriteFile(name, []byte(got+body), 0o600))
			continue
		}
		assert.Equal(t, want, got, name)
		switch {
		case found.HasErrors():
			refused++
		case len(found) > 0:
			warned++
		default:
			clean++
		}
		for _, d := range found {
			assert.NotContains(t, d.Text, "\n", "one line says what to do")
		}
	}
	assert.Equal(t, "8 load as they are, 15 with warnings; 16 are refused", fmt.Sprintf("%d load as they are, %d with warnings; %d are refused", clean, warned, refused))
}

// headed cuts the comments at the beginning of a file from the rest.
func headed(text string) (head, body string) {
	body = text
	for strings.HasPrefix(body, "# ") {
		line, rest, _ := strings.Cut(body, "\n")
		head, body = head+line+"\n", rest
	}
	return head, body
}

// comments are findings as comments, with places that count from the first line below them.
func comments(found dag.Diagnostics) string {
	var b strings.Builder
	for _, d := range found {
		d.File = ""
		fmt.Fprintf(&b, "# %s\n", strings.TrimPrefix(d.String(), ":"))
	}
	return b.String()
}
