package cli_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/pagetest"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// notRun are the commands of the pages that are not run here: what gets the program is
// there already, and the tests can't run themselves.
var notRun = []string{
	"git clone https://github.com/dingdag/dingdag",
	"cd dingdag",
	"go build -o bin/dingdag ./cmd/runner",
	`export PATH="$PWD/bin:$PATH"`,
	"go test ./...",
}

// prelude makes a script out of the commands of a page. What runs until it is stopped
// is stopped by SIGTERM once it works, and must end well; what a page leaves in the background (&) is stopped
// at its end.
const prelude = `set -eu
serve() {
	: > serve.txt
	dingdag "$@" >> serve.txt 2>&1 &
	until grep -q 'dingdag works\|stop with Ctrl-C' serve.txt; do
		kill -0 $! || { cat serve.txt; exit 1; }
	done
	kill -TERM $!
	wait $!
}
keep() {
	: > kept.txt
	dingdag "$@" >> kept.txt 2>&1 &
	kept=$!
	trap 'kill -TERM $kept; wait $kept' EXIT
	until grep -q 'dingdag works' kept.txt; do
		kill -0 $kept || { cat kept.txt; exit 1; }
	done
}
`

// listenDefault is where standalone listens unless it is told otherwise.
const listenDefault = "127.0.0.1:8080"

// TestPages runs every command of the README and of the guides, each page from its top
// to its end in a folder and a home of its own, and looks for the output they show.
func TestPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range append(pages, filepath.Join("..", "README.md")) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			runPage(t, readPage(t, page))
		})
	}
}

// scriptName is the name of a block that is a whole script: its second line, behind that of its interpreter.
func scriptName(b block) (name string, ok bool) {
	if len(b.lines) < 2 || !strings.HasPrefix(b.lines[0], "#!") {
		return "", false
	}
	return strings.CutPrefix(b.lines[1], "# ")
}

func runPage(t *testing.T, blocks []block) {
	t.Helper()
	box := sandboxtest.Start(t)
	robot := sandbox.DemoRobot("dingding_default")
	robot.Secret = "SEC0123456789"
	robot.Rate = sandbox.Rate{PerMinute: -1}
	robot = box.AddRobot(robot)
	box.Seed(sandbox.DemoOrganisation())
	app := box.AddApp(sandbox.DemoApp("dingtalk_default"))
	box.AddChat(sandbox.DemoChat(app))
	dir := t.TempDir()

	lines, want := []string{prelude}, []string{}
	for _, b := range blocks {
		if name, ok := scriptName(b); ok {
			path := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, []byte(strings.Join(b.lines, "\n")+"\n"), 0o700))
			continue
		}
		switch b.language {
		case "sh":
			for _, line := range b.lines {
				lines = append(lines, command(line))
			}
		case "yaml":
			if name, ok := strings.CutPrefix(b.lines[0], "# "); ok && strings.HasSuffix(name, ".yaml") {
				path := filepath.Join(dir, filepath.FromSlash(name))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				require.NoError(t, os.WriteFile(path, []byte(strings.Join(b.lines, "\n")+"\n"), 0o600))
			}
		case "text":
			want = append(want, b.lines...)
		}
	}
	// Pages of the server are where this one listens.
	env := append(os.Environ(), "HOME="+dir, "SANDBOX_URL="+box.URL)
	served := "http://" + listenDefault
	if strings.Contains(strings.Join(lines, "\n"), served) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		here := ln.Addr().String()
		require.NoError(t, ln.Close())
		env, lines = append(env, listenVariable+"="+here), strings.Split(strings.ReplaceAll(strings.Join(lines, "\n"), served, "http://"+here), "\n")
	}
	// A whole webhook address where the page has a token leads to the sandbox.
	script := strings.NewReplacer(
		"DINGDAG_TOKEN", "DINGDAG_TOKEN", "APPKEY", app.AppKey, "APPSECRET", app.AppSecret, "http://127.0.0.1:8100", box.URL,
		"TOKEN", box.WebhookURL(robot), "SECRET", robot.Secret,
	).Replace(strings.Join(lines, "\n"))

	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
	var shown []string
	for line := range strings.Lines(string(out)) {
		shown = append(shown, shape(line))
	}
	for _, line := range want {
		begin, cut := strings.CutSuffix(shape(line), "…")
		ok := slices.ContainsFunc(shown, func(s string) bool { return s == begin || cut && strings.HasPrefix(s, begin) })
		assert.True(t, ok, "the page shows %q, which no command printed:\n%s", line, out)
	}
}

// command is a line of a page as the script runs it.
func command(line string) string {
	if slices.Contains(notRun, line) {
		return ""
	}
	line = strings.Replace(line, "go run ./cmd/runner", "dingdag", 1)
	for _, does := range []string{"dingdag sandbox say ", "dingdag sandbox press "} {
		if rest, ok := strings.CutPrefix(line, does); ok {
			return does + `--sandbox "$SANDBOX_URL" ` + rest
		}
	}
	if rest, ok := strings.CutPrefix(line, "dingdag standalone"); ok && strings.HasSuffix(rest, " &") {
		return "keep standalone" + strings.TrimSuffix(rest, " &")
	}
	if strings.HasPrefix(line, "dingdag standalone") || strings.HasPrefix(line, "dingdag sandbox") {
		line = strings.Replace(line, "dingdag", "serve", 1)
	}
	return line
}

var (
	numbers = regexp.MustCompile(`\d[\d.:-]*(ms|s)?`)
	blanks  = regexp.MustCompile(`[\s─]+`)
)

// shape is a line without what differs from run to run: times and widths.
func shape(line string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(numbers.ReplaceAllString(line, "0"), " "))
}

// block is a fenced block of a page.
type block struct {
	language string
	lines    []string
}

func readPage(t *testing.T, path string) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	in := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && in:
			in = false
		case fence:
			in, blocks = true, append(blocks, block{language: language})
		case in:
			b := &blocks[len(blocks)-1]
			b.lines = append(b.lines, line)
		}
	}
	require.False(t, in, "%s: a block has no end", path)
	return blocks
}

var (
	links = regexp.MustCompile(`\]\(([^)#:"]+)(#[^)]*)?\)`)
	code  = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestPagesLinkToFiles looks for every file that the pages link to.
func TestPagesLinkToFiles(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pattern)))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, link := range links.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), link[1]))
			assert.NoError(t, err, page)
		}
	}
}

// TestReadmeTable compares the README's table with what the program has.
func TestReadmeTable(t *testing.T) {
	t.Parallel()
	const path = "../README.md"
	const begin, end = "go generate ./cli -->\n\n", "\n<!-- end of operators -->"
	dir := t.TempDir()
	code, _, errs := run(t, "operators", "docs", dir)
	require.Zero(t, code, errs)
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	_, rows, ok := strings.Cut(string(index), "\n\n| operator |")
	require.True(t, ok)
	rows, _, _ = strings.Cut("| operator |"+rows, "\n\n")
	var b strings.Builder
	apps := false
	for row := range strings.SplitSeq(rows, "\n") {
		switch {
		case !strings.HasPrefix(row, "| [`dingtalk_"):
			b.WriteString(strings.ReplaceAll(row, "](", "](docs/operators/") + "\n")
		case !apps: // there are too many of them for this table
			b.WriteString("| [`dingtalk_…`](docs/operators/README.md) | One operator for each call of DingTalk's app API. |\n")
			apps = true
		}
	}
	pagetest.Table(t, path, begin, end, b.String(), *update, "go generate ./cli")
}
