package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotice compares NOTICE with the modules that are linked into the binary.
func TestNotice(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
	out, err := cmd.Output()
	require.NoError(t, err)
	linked := map[string]bool{}
	for module := range strings.FieldsSeq(string(out)) {
		linked[module] = true
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "NOTICE"))
	require.NoError(t, err)
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !strings.Contains(fields[0], "/") {
			continue
		}
		assert.NotEqual(t, "Unknown", fields[1], fields[0])
		module := fields[0]
		for !linked[module] && module != "." {
			module = filepath.ToSlash(filepath.Dir(module)) // a package of a module
		}
		assert.NotEqual(t, ".", module, "%s is not linked any more: make licenses", fields[0])
		named[module] = true
	}
	for module := range linked {
		assert.True(t, named[module], "%s is not in NOTICE: make licenses", module)
	}
	require.Contains(t, named, "github.com/riverqueue/river", "the file was read")
}
