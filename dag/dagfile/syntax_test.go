package dagfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mistake of YAML is told at the place where it is mended, whatever the parser was
// reading there.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"half quoted", "a:\n  x: 1\n  description: \"half\" rest\n  tasks: {}\n", "3:23: error: the quoted text ends before this: put quotes around the whole value, and write \\\" for \" inside"},
		{"missing colon", "a:\n  schedule \"@daily\"\n  tags: [a]\n  tasks: {t: {operator: bash, bash_command: x}}\n", "2:3: error: this line has no colon: write key: value"},
		{"missing colon 2", "a:\n  start_date 2024-01-01\n  schedule: \"@daily\"\n  tasks:\n    - task_id: x\n      operator: bash\n      env: {A: b}\n", "2:3: error: this line has no colon: write key: value"},
		{"missing colon then block", "a:\n  x: 1\n  schedule\n  tags: [a]\n  tasks: {t: {operator: bash}}\n", "3:3: error: this line has no colon: write key: value"},
		{"missing colon in task", "a:\n  tasks:\n    - task_id: x\n      operator bash\n      env: {A: b}\n", "4:7: error: this line has no colon: write key: value"},
		{"multi-line plain", "a:\n  description: one\n  two\n  tags: [x]\n  tasks: {t: {operator: bash}}\n", "3:3: error: this line has no colon: write key: value, or indent continued text deeper than its key"},
		{"colon in value", "a:\n  tasks:\n    t:\n      operator: bash\n      bash_command: echo a: b\n", "5:27: error: a colon followed by a space inside a value needs quotes around the value"},
		{"value on key line", "a: b: c\n", "1:5: error: a colon followed by a space inside a value needs quotes"},
		{"no space after colon", "a:\n  x:1\n  y: 2\n", "2:5: error: a space is missing after the colon"},
		{"no space after dash", "a:\n  tasks:\n    -task_id: a\n    -task_id: b\n", "4:5: error: duplicate key \"-task_id\", first on line 3: write a space after the dash of a list item"},
		{"deeper indent", "a:\n  x: 1\n    y: 2\n", "3:5: error: this line is indented deeper than line 2, whose key has a value already: align the two"},
		{"list item indent", "a:\n  tasks:\n    - task_id: a\n       operator: bash\n", "4:8: error: this line is indented deeper than line 3"},
		{"bad indent", "a:\n  x: 1\n y: 2\n", "3:2: error: this line is indented by 1 space, like no line above that it could belong to: align it"},
		{"bad indent deep", "a:\n  default_args:\n    retries: 1\n   owner: me\n  tasks: {}\n", "4:4: error: this line is indented by 3 spaces, like no line above"},
		{"list item dedent", "a:\n  tasks:\n    - task_id: a\n     operator: bash\n", "4:6: error: this line is indented by 5 spaces, like no line above"},
		{"list in map", "a:\n  x: 1\n  - y\n", "3:3: error: a list item is not allowed among keys"},
		{"tab", "a:\n\ttasks: []\n", "2:1: error: a tab indents this line: use spaces"},
		{"tab deeper", "a:\n  tasks:\n  \t- x\n", "3:3: error: a tab indents this line: use spaces"},
		{"brace template 2", "a:\n  x: {{ ds }}/b\n  y: 1\n", "2:6: error: quote a value that starts with {{"},
		{"at", "a:\n  schedule: @daily\n", "2:13: error: quote a value that starts with @, for instance \"@daily\""},
		{"percent", "a:\n  x: %d\n", "2:6: error: quote a value that starts with %"},
		{"backtick", "a:\n  x: `date`\n", "2:6: error: quote a value that starts with a backtick"},
		{"ampersand", "a:\n  x: & b\n", "2:6: error: quote a value that starts with &"},
		{"star", "a:\n  schedule: * * * * *\n", "2:13: error: quote a value that starts with *"},
		{"star2", "a:\n  schedule: */5 * * * *\n", "2:13: error: quote a value that starts with *, for instance \"* * * * *\""},
		{"unknown anchor", "a:\n  x: *foo\n", "2:6: error: unknown anchor \"foo\": quote a value that starts with *"},
		{"unclosed flow", "a:\n  tags: [a, b\n  tasks:\n    t: {operator: bash}\n", "2:9: error: this [ is not closed: a ] is missing"},
		{"unclosed flow map", "a:\n  tasks:\n    t: {operator: bash\n    u: {operator: bash}\n", "3:8: error: this { is not closed: a } is missing"},
		{"unclosed dq", "a:\n  d: \"half\n  tasks:\n    t: {operator: bash}\n", "2:6: error: this quote is not closed"},
		{"unclosed sq", "a:\n  d: 'it's'\n  tasks: {}\n", "2:10: error: the quoted text ends before this: put quotes around the whole value, and write '' for ' inside"},
		{"quote after", "a:\n  x: 'a' 'b'\n", "2:10: error: the quoted text ends before this"},
		{"bad escape2", "a:\n  x: \"C:\\dir\"\n", "2:9: error: \\d is not an escape of double quotes: write \\\\ for a backslash, or put the text into single quotes"},
		{"bad escape later", "a:\n  y: 1\n  x: \"ok\"\n  z: \"a\\qb\"\n  w: 1\n", "4:8: error: \\q is not an escape of double quotes"},
		{"extra bracket", "a:\n  x: [a]]\n  y: 1\n", "2:9: error: this ] closes nothing"},
		{"extra brace", "a:\n  x: {a: 1}}\n  y: 1\n", "2:12: error: this } closes nothing"},
		{"block scalar indent", "a:\n  x: |\n  y\n z: 1\n", "3:3: error: a block text must be indented deeper than its key on line 2"},
		{"literal bad", "a:\n  x: |foo\n    bar\n", "2:7: error: a block text begins on the line below its | or >: only a comment is allowed here"},
		{"comma", "a:\n  x: [a,,b]\n", "2:9: error: a value is missing before this ','"},
		{"comma map", "a:\n  x: {a: 1, , b: 2}\n", "2:13: error: a value is missing before this ','"},
		{"missing comma", "a:\n  x: {a: 1 b: 2}\n  y: 3\n", "2:13: error: a comma is missing before this key, or quotes around a value with a colon"},
		{"flow colon", "a:\n  tasks:\n    t: {operator: bash, bash_command: echo a: b}\n", "3:45: error: a comma is missing before this key, or quotes around a value with a colon"},
		{"control", "a:\n  x: \"a\ab\"\n", "2:8: error: the control character U+0007 is not allowed in a file"},
		{"doc end", "a:\n  x: 1\n...\nb: 2\n", "3:1: error: the file continues after the end of its document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dags, found := parseText(c.text)
			assert.Empty(t, dags)
			require.Len(t, found, 1, found.String())
			assert.Contains(t, found.String(), "dags/a.yaml:"+c.want)
			windows := strings.ReplaceAll(c.text, "\n", "\r\n")
			_, found = Parse("dags/a.yaml", []byte(windows), newFakeCatalog(), testOptions())
			assert.Contains(t, found.String(), "dags/a.yaml:"+c.want, "with the line ends of Windows")
			_, found = parseText("# first\n\n" + c.text)
			require.Len(t, found, 1)
			before, _ := parsePlace(t, c.want)
			assert.Equal(t, before+2, found[0].Line, "further down in the file")
		})
	}
}

// PyYAML and YAML 1.2 know the escape of a slash, which JSON has.
func TestEscapedSlash(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `
a:
  description: "half \/ rest"
  params: &p {b: "\/", a: 'x', c: !!str 5}
  user_defined_macros: {m: 1.5}
  tasks:
    t: {operator: bash, bash_command: "cat \/etc\/hosts", params: *p} # comment
`)
	assert.Equal(t, "half / rest", d.Description)
	assert.Equal(t, `{"b":"/","a":"x","c":"5"}`, asJSON(t, d.Params))
	assert.Equal(t, asJSON(t, d.Params), asJSON(t, d.Tasks[0].Params))
	assert.Equal(t, "cat /etc/hosts", arg(d.Tasks[0], "bash_command"))
	assert.Equal(t, 6, d.Tasks[0].Pos.Line-1)
	_, found := parseText("a:\n  tag: \"\\/\"\n  tasks: {t: {operator: empty}}\n")
	assert.Contains(t, found.String(), "dags/a.yaml:2:3: error: dag \"a\": unknown key \"tag\"")
}

func parsePlace(t *testing.T, text string) (line, column int) {
	t.Helper()
	parts := strings.SplitN(text, ":", 3)
	return number(t, parts[0]), number(t, parts[1])
}

func number(t *testing.T, text string) int {
	t.Helper()
	n := 0
	for _, c := range text {
		require.True(t, c >= '0' && c <= '9', text)
		n = n*10 + int(c-'0')
	}
	return n
}
