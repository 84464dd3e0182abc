package command

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func words(text string) (out []string, err error) {
	s := scanner{text: text}
	for {
		w, ok, err := s.next()
		if !ok {
			return out, err
		}
		out = append(out, w.text)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                            nil,
		" \n\t　 ":                     nil,
		"status etl":                  {"status", "etl"},
		"@Bot status　ｅｔｌ":             {"status", "etl"},
		"status etl @Bot ＠张三":         {"status", "etl"},
		`a "b c" 'd "e"' “f g” ‘h i’`: {"a", "b c", `d "e"`, "f g", "h i"},
		`“a“ ”b” "c" ＂d e＂ ＇f＇`:       {"a", "b", "c", "d e", "f"},
		`don't o’clock 5"`:            {"don't", "o’clock", `5"`},
		`k="a b" k=“c d” k='' =x k＝１２：０`: {"k=a b", "k=c d", "k=", "=x", "k=12:0"},
		`"a\"b\\c\n"`:                  {`a"b\c\n`},
		"\u200bstatus\ufeff \u2066etl": {"status", "etl"},
		`""`:                           {""},
		`“全角　空格”`:                      {"全角　空格"},
	} {
		got, err := words(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestBrokenQuotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`trigger "etl`:    `the quote " at character 9 has no end`,
		`触发 “etl`:         `the quote “ at character 4 has no end`,
		`a k='x`:          `the quote ' at character 5 has no end`,
		`"a"b`:            `there is no blank behind the quote " that ends at character 3`,
		`“a'`:             `the quote “ at character 1 has no end`,
		`a "b\"`:          `the quote " at character 3 has no end`,
		`a ‘b’c`:          `there is no blank behind the quote ’ that ends at character 5`,
		"@x 字字 'unclosed": `the quote ' at character 7 has no end`,
	} {
		_, err := words(text)
		require.EqualError(t, err, want, text)
	}
}

// What is left is what was written, without quotes around it.
func TestRest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ack 12 don't @ann “so”": "don't @ann “so”", "ack 12 ": "", `ack 12 "all of it"`: "all of it", `ack 12 “a” and "b"`: `“a” and "b"`, "ack 12  'open": "'open",
	} {
		s := scanner{text: text}
		for range 2 {
			_, ok, err := s.next()
			require.True(t, ok)
			require.NoError(t, err)
		}
		assert.Equal(t, want, s.rest(), text)
	}
}

// Every text can be written as a word, and is read as it was.
func TestQuotedTextsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "texts")
		var b strings.Builder
		for _, s := range all {
			b.WriteString(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
		}
		got, err := words(b.String())
		require.NoError(t, err)
		require.Equal(t, all, got)
	})
}

// Words without quotes, signs and blanks are read as they are.
func TestPlainWordsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.StringMatching(`[a-z0-9_.\-一-龥][a-zA-Z0-9_.\-一-龥'"’]{0,8}`)).Draw(t, "words")
		got, err := words(strings.Join(all, rapid.SampledFrom([]string{" ", "　", "\n", "\u00a0 "}).Draw(t, "blank")))
		require.NoError(t, err)
		require.Len(t, got, len(all))
		require.Equal(t, strings.Join(all, " "), strings.Join(got, " "))
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"status etl", `触发etl “a b”=1 k='`, "@a /logs x y try=2", "\xff“", "ack 1 \u200b'", "静音　全部　1小时 原因", `mark "a\\" run 成功`} {
		f.Add(s)
	}
	table, err := newTable(builtin())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		cs := &Commands{t: table}
		s, sc, l, err := cs.spec(text)
		if err != nil || s == nil {
			return
		}
		p, err := s.parse(sc, l)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		for _, q := range p.pairs {
			require.NotEmpty(t, q.key)
			require.LessOrEqual(t, q.at, utf8.RuneCountInString(text)+1)
			if _, err := q.read(map[string]any{"type": "string"}); err != nil {
				t.Fatal("a text is always read", err)
			}
			_, _ = q.read(nil)
		}
		if n := strings.Count(s.usage(English), "["); len(s.Args) > n {
			require.NotEmpty(t, p.args, "something is required")
		}
	})
}

var verb = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// Both languages say everything: the texts of a pair have the same arguments.
func TestLanguagesAgree(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	n := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Say" && sel.Sel.Name != "Refuse" || len(call.Args) < 2 {
				return true
			}
			var verbs [2][]string
			for i := range verbs {
				lit, ok := call.Args[i].(*ast.BasicLit)
				if !ok {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				at := 0
				for _, v := range verb.FindAllString(strings.ReplaceAll(text, "%%", ""), -1) {
					if m := regexp.MustCompile(`\d+`).FindString(v); m != "" {
						at, err = strconv.Atoi(m)
						require.NoError(t, err)
					} else {
						at++
					}
					verbs[i] = append(verbs[i], strconv.Itoa(at)+v[len(v)-1:])
				}
				slices.Sort(verbs[i])
				assert.Len(t, slices.Compact(slices.Clone(verbs[i])), len(call.Args)-2, "%s: %s", path, text)
			}
			n++
			assert.Equal(t, slices.Compact(verbs[0]), slices.Compact(verbs[1]), "%s: %s", path, call.Args[0].(*ast.BasicLit).Value)
			return true
		})
	}
	assert.Greater(t, n, 80)
}

// Each command has all its texts, and its example is one that it reads.
func TestTheTableIsWhole(t *testing.T) {
	t.Parallel()
	table, err := newTable(builtin())
	require.NoError(t, err)
	cs := &Commands{t: table}
	for _, s := range table.specs {
		assert.NotEmpty(t, s.Help.EN, s.Name)
		assert.NotEmpty(t, s.Help.ZH, s.Name)
		assert.Equal(t, s.More.EN == "", s.More.ZH == "", s.Name)
		assert.NotNil(t, s.Do, s.Name)
		for _, text := range []string{s.Example, "/" + s.Example, strings.ToUpper(s.Name) + strings.TrimPrefix(s.Example, s.Name), s.ZH + strings.TrimPrefix(s.Example, s.Name)} {
			got, sc, _, err := cs.spec(text)
			require.NoError(t, err)
			require.Same(t, s, got, text)
			_, err = s.parse(sc, English)
			require.NoError(t, err, text)
		}
		assert.Equal(t, s.Changes, cs.Changes("@bot "+s.Example))
	}
	_, err = newTable(append(builtin(), &Spec{Name: "x", ZH: "状态"}))
	require.ErrorContains(t, err, "two commands are called 状态")
}
