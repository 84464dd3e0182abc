package sqlite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// modernc.org/sqlite is C translated for one version of modernc.org/libc: with another
// one it may corrupt databases. So the version that is built in is the one it asks for.
func TestLibcIsTheOneSQLiteWasMadeFor(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-mod=readonly", "-m", "-f", "{{with .Replace}}{{.Version}}{{else}}{{.Version}}{{end}} {{.GoMod}}", "modernc.org/libc", "modernc.org/sqlite")
	cmd.Env = append(os.Environ(), "GOPROXY=off") // the module cache has both
	out, err := cmd.Output()
	require.NoError(t, err)
	fields := strings.Fields(string(out))
	require.Len(t, fields, 4, "version and go.mod of each")
	built, asks := fields[0], fields[3]

	src, err := os.ReadFile(filepath.Clean(asks))
	require.NoError(t, err)
	want := regexp.MustCompile(`(?m)^\s*modernc\.org/libc (\S+)`).FindSubmatch(src)
	require.NotNil(t, want)
	assert.Equal(t, string(want[1]), built, "set modernc.org/libc in go.mod to what modernc.org/sqlite requires")
}
