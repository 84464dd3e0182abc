package sql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	all := []dialect{postgres, mysql, sqlite}
	for name, tc := range map[string]struct {
		dialects []dialect
		text     string
		want     []string
	}{
		"nothing":               {all, " \n", nil},
		"only separators":       {all, ";; ;", nil},
		"only comments":         {all, "-- a\n;/* b; */ ;", nil},
		"one":                   {all, "SELECT 1", []string{"SELECT 1"}},
		"last without end":      {all, "a; b ;\n c", []string{"a", "b", "c"}},
		"comment stays":         {all, "-- why;\nSELECT 1; -- end;", []string{"-- why;\nSELECT 1"}},
		"quotes":                {all, `SELECT 'a;''b;', ";""";x`, []string{`SELECT 'a;''b;', ";"""`, "x"}},
		"parentheses":           {all, "CREATE RULE r DO (a; b); c", []string{"CREATE RULE r DO (a; b)", "c"}},
		"unicode":               {all, "SELECT 'ä;'; ö", []string{"SELECT 'ä;'", "ö"}},
		"backslash ends":        {[]dialect{postgres, sqlite}, `a '\'; b`, []string{`a '\'`, "b"}},
		"backslash escapes":     {[]dialect{mysql}, `a '\'; b', "\";"; c`, []string{`a '\'; b', "\";"`, "c"}},
		"escape text":           {[]dialect{postgres}, `a E'\'; b'; c`, []string{`a E'\'; b'`, "c"}},
		"no escape text":        {[]dialect{postgres}, `a name'\'; c`, []string{`a name'\'`, "c"}},
		"dollar quotes":         {[]dialect{postgres}, "a $$;$x$;$$; b $x$ ;$$ $x$", []string{"a $$;$x$;$$", "b $x$ ;$$ $x$"}},
		"dollar in a name":      {[]dialect{postgres}, "a$b$; c$b$", []string{"a$b$", "c$b$"}},
		"dollar and a number":   {[]dialect{postgres}, "$1; $1", []string{"$1", "$1"}},
		"no dollar quotes":      {[]dialect{mysql, sqlite}, "a $$; $$", []string{"a $$", "$$"}},
		"nested comment":        {[]dialect{postgres}, "a /* /* ; */ ; */; b", []string{"a /* /* ; */ ; */", "b"}},
		"flat comment":          {[]dialect{mysql, sqlite}, "a /* /* ; */ ; b", []string{"a /* /* ; */", "b"}},
		"executable comment":    {[]dialect{mysql}, "/*!40101 SET x=1 */; a", []string{"/*!40101 SET x=1 */", "a"}},
		"hash comment":          {[]dialect{mysql}, "a # ; '\n; b", []string{"a # ; '", "b"}},
		"no hash comment":       {[]dialect{postgres}, "a # b; c", []string{"a # b", "c"}},
		"minus minus":           {[]dialect{mysql}, "a --1; b -- ;", []string{"a --1", "b -- ;"}},
		"back quotes":           {[]dialect{mysql, sqlite}, "a `;``;`; b", []string{"a `;``;`", "b"}},
		"brackets":              {[]dialect{sqlite}, "a [;']; b", []string{"a [;']", "b"}},
		"array":                 {[]dialect{postgres}, "a[1]; b", []string{"a[1]", "b"}},
		"transaction":           {all, "BEGIN; a; END; b", []string{"BEGIN", "a", "END", "b"}},
		"trigger":               {[]dialect{mysql, sqlite}, "CREATE TEMP TRIGGER t BEGIN a; b; END; c", []string{"CREATE TEMP TRIGGER t BEGIN a; b; END", "c"}},
		"atomic":                {[]dialect{postgres}, "create or replace function f() begin atomic a; select case when 1 then 2 end; end; b", []string{"create or replace function f() begin atomic a; select case when 1 then 2 end; end", "b"}},
		"blocks":                {[]dialect{mysql}, "CREATE DEFINER=root@localhost PROCEDURE p() BEGIN IF a THEN b; END IF; CASE x WHEN 1 THEN y; END CASE; WHILE 1 DO z; END WHILE; BEGIN q; END; END; c", []string{"CREATE DEFINER=root@localhost PROCEDURE p() BEGIN IF a THEN b; END IF; CASE x WHEN 1 THEN y; END CASE; WHILE 1 DO z; END WHILE; BEGIN q; END; END", "c"}},
		"table named like such": {all, "CREATE TABLE trigger (begin int); BEGIN; c", []string{"CREATE TABLE trigger (begin int)", "BEGIN", "c"}},
		"case elsewhere":        {all, "SELECT CASE 1 WHEN 2 THEN 3 END; b", []string{"SELECT CASE 1 WHEN 2 THEN 3 END", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, d := range tc.dialects {
				got, err := split(d, tc.text)
				require.NoError(t, err, d)
				assert.Equal(t, tc.want, got, d)
			}
		})
	}
}

func TestSplitUnclosed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a;\nb 'c":   "a quote that begins in line 2 and is not closed",
		"a /* ;":     "a comment that begins in line 1 and is not closed",
		"a $x$ b $$": "a quote that begins in line 1 and is not closed",
	} {
		_, err := split(postgres, text)
		require.ErrorContains(t, err, want, text)
	}
}

// FuzzSplit checks that statements are parts of the text in their order, that only
// space, comments and semicolons lie between them, and that each is one statement.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"a; b", "'a;''b'", `"a`, "$x$;$x$;", "/*/* */;*/", "-- a\n;b", "CREATE TRIGGER t BEGIN a; END; c",
		"END CASE; END IF", "[;]`;`", `E'\';'`, "a # ;\n", "(;", "\u00a0;\u0085", "CREATE FUNCTION f BEGIN CASE END END",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []dialect{postgres, mysql, sqlite} {
			statements, err := split(d, text)
			if err != nil {
				continue
			}
			rest := text
			for _, s := range statements {
				i := strings.Index(rest, s)
				require.GreaterOrEqual(t, i, 0, "%s: %q is no part of %q", d, s, rest)
				require.NotEmpty(t, strings.Trim(s, whiteSpace))
				rest = rest[i+len(s):]
				again, err := split(d, s)
				require.NoError(t, err, "%s: %q", d, s)
				if d != mysql || !strings.HasSuffix(s, "--") { // a comment at the end, but not before a semicolon
					require.Equal(t, []string{s}, again, d)
				}
			}
		}
	})
}
