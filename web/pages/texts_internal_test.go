package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/words"
)

// made are the beginnings of keys that are put together, with what may follow.
func made() map[string][]string {
	states := draw.States()
	for _, s := range api.RunStates() {
		states = append(states, string(s))
	}
	alerts := []string{}
	for _, s := range api.AlertStates() {
		alerts = append(alerts, string(s))
	}
	questions := []string{}
	for _, s := range asks.States() {
		questions = append(questions, string(s))
	}
	events := []string{}
	for _, k := range []callbacks.Kind{callbacks.Execute, callbacks.Success, callbacks.Failure, callbacks.Retry, callbacks.Skipped, callbacks.Recovery, callbacks.Asked, callbacks.Missed, callbacks.Deadline, callbacks.ImportError, callbacks.Folded, callbacks.DailyDigest, callbacks.SilenceEnd, callbacks.NearlySpent} {
		events = append(events, string(k))
	}
	roles := append(access.Roles(), access.Nobody.String())
	return map[string][]string{"event.": events, "alerts.": {"line", "summary"}, "role.": roles, "node.": nodes.States(), "node_role.": {nodes.Scheduler, nodes.Worker}, "role_may.": roles, "receiving.": {"connected", "disconnected", "unheld"}, "system.": {"healthy", "unhealthy", "unknown"}, "ask.": questions, "snooze.": {"snooze", "maintenance", "double"}, "reprocess.": reprocessing, "outcome.": outcomes, "backfill.": {"running", "paused", "completed", "cancelled"}, "type.": runTypes, "dag.": {"when_updated", "or_updated", "every", "intervals", "moments"}, "alert.": alerts, "state.": states, "severity.": {"error", "warning"}, "health.": {"healthy", "unhealthy", "unknown"}}
}

// sources are the files of the pages, and of the rooms below that say something.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	out := map[string]*ast.File{}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "words":
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		out[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		return err
	})
	require.NoError(t, err)
	return out
}

// Every text that is named is there, and every text that is there is named.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[words.Key]bool{}
	templates, err := parseTemplates()
	require.NoError(t, err)
	for _, part := range templates.Templates() {
		for _, k := range said(part.Tree) {
			used[k] = true
		}
	}
	for _, f := range sources(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			if words.Has(words.Key(text)) {
				used[words.Key(text)] = true
			}
			return true
		})
	}
	for begin, ends := range made() {
		for _, e := range ends {
			k := words.Key(begin + e)
			assert.True(t, words.Has(k), k)
			used[k] = true
		}
	}
	for _, k := range words.Keys() {
		assert.True(t, used[k], "no page says %s", k)
	}
}

// say has only keys that are there.
func TestSaidKeysAreThere(t *testing.T) {
	t.Parallel()
	n := 0
	for name, f := range sources(t) {
		ast.Inspect(f, func(n2 ast.Node) bool {
			c, ok := n2.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := c.Fun.(*ast.SelectorExpr); !ok || s.Sel.Name != "say" && s.Sel.Name != "Say" || len(c.Args) == 0 {
				return true
			}
			if lit, ok := c.Args[0].(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				assert.True(t, words.Has(words.Key(text)), "%s: %s", name, text)
				n++
			}
			return true
		})
	}
	assert.Positive(t, n)
}

// On a phone a list has no head: each cell says what it is, but for the first one.
func TestCardsHaveTheWordsOfTheirHeads(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("templates/*.html")
	require.NoError(t, err)
	plain := []string{"run.state", "run.details", "assets.extra"} // these cells say what they are
	lists := 0
	for _, name := range all {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, list := range regexp.MustCompile(`(?s)<table class="list cards"><thead>(.*?)</thead>\s*<tbody>(.*?)</tbody>`).FindAllStringSubmatch(string(text), -1) {
			lists++
			for i, head := range regexp.MustCompile(`<th scope="col">(.*?)</th>`).FindAllStringSubmatch(list[1], -1) {
				key := regexp.MustCompile(`^\{\{\$?\.T "([\w.]+)"\}\}$`).FindStringSubmatch(head[1])
				if i > 0 && key != nil && !slices.Contains(plain, key[1]) {
					assert.Regexp(t, `<td (class="[a-z ]+" )?data-word="\{\{\$\.T "`+regexp.QuoteMeta(key[1])+`"\}\}"`, list[2], name)
				}
			}
		}
	}
	assert.Greater(t, lists, 10)
}
