package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// The arrows of the page and the picture are those of the code.
func TestArrows(t *testing.T) {
	t.Parallel()
	h, err := read(t.Context(), root)
	require.NoError(t, err)
	text, err := os.ReadFile(page(root))
	require.NoError(t, err)
	want, err := h.listed(text)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, text), "docs/architecture.md has other arrows than the code: make architecture")
	drawn, err := os.ReadFile(picture(root))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(h.draw(), drawn), "docs/images/architecture.svg shows other arrows than the code: make architecture")
}

var named = regexp.MustCompile("`([a-z]+(?:/[a-z_]+)*\\.go|[a-z]+(?:/[a-z]+)*)`")

// Every file and room that the page names is there.
func TestNamedFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page(root))
	require.NoError(t, err)
	prose, _, ok := strings.Cut(string(text), "## The arrows")
	require.True(t, ok)
	files := 0
	for _, m := range named.FindAllStringSubmatch(prose, -1) {
		assert.FileExistsf(t, existing(m[1]), "the page names %s", m[1])
		files++
	}
	assert.Greater(t, files, 40, "the names are found")
}

// existing is a file that is there when what the page names is: itself, or any of a folder.
func existing(name string) string {
	path := filepath.Join(root, filepath.FromSlash(name))
	if all, err := filepath.Glob(filepath.Join(path, "*.go")); err == nil && len(all) > 0 {
		return all[0]
	}
	return path
}

func TestRoomsThatImportEachOther(t *testing.T) {
	t.Parallel()
	h := house{}
	h.add(module+"/dag", []string{module + "/yamlvalue", "fmt"})
	h.add(module+"/dag/dagfile/index", []string{module + "/dag"})
	h.add(module+"/yamlvalue", nil)
	require.NoError(t, h.check())
	assert.Equal(t, house{"dag": {"yamlvalue": true}, "dag/dagfile": {"dag": true}, "yamlvalue": {}}, h)
	h.add(module+"/yamlvalue", []string{module + "/dag"})
	require.ErrorContains(t, h.check(), "rooms import each other: ")
}
