package template_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/jinja.md anew")

const page = "../docs/jinja.md"

// docs/jinja.md is made of the corpus and its differences.
func TestJinjaPage(t *testing.T) {
	t.Parallel()
	want := jinjaPage(t)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run go generate ./template")
}

func jinjaPage(t *testing.T) string {
	t.Helper()
	versions, answers := recorded(t)
	list := differences(t)
	airflow := map[[2]string]answer{}
	for _, a := range answers {
		airflow[[2]string{a.Mode, a.Template}] = a
	}
	same := len(answers) - len(declaredByTemplate(t, list))
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Made by go generate ./template from template/testdata/jinja. -->\n"+`
# Jinja and pendulum here

Templates mean what they mean in Airflow. A corpus of %d templates was recorded from Jinja2 %s as Airflow configures it and
pendulum 3.0.0, on Python %s with PyYAML %s and dateutil %s; the tests check that %d of them give the same, or fail as they do
there. All the others are listed below. A template that cannot give what it gives in Airflow fails, with its place; the
exceptions, which give another value, are shown with it.

`, len(answers), versions["jinja2"], versions["python"], versions["pyyaml"], versions["dateutil"], same)
	b.WriteString("Airflow renders every templated field as text, even one without braces. So a trailing newline is dropped, and lines end with\n" +
		"`\\n`: `message: |` gives its last line without the newline after it.\n\n" +
		"The fields of one try share what they see: a change in place, for instance by `params.update(…)`, is seen by the later fields,\n" +
		"in the order of the parameters on the operator's page. What a field sets by `{% set %}` is its own.\n")
	for i := range list {
		d := &list[i]
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", d.Title, strings.TrimSpace(d.Why))
		b.WriteString("| Template | Airflow | Here |\n| --- | --- | --- |\n")
		for _, src := range d.Fails {
			fmt.Fprintf(&b, "| %s | %s | fails |\n", code(src), shown(airflow[[2]string{d.mode(), src}]))
		}
		for _, src := range slices.Sorted(maps.Keys(d.Gives)) {
			fmt.Fprintf(&b, "| %s | fails | %s |\n", code(src), code(d.Gives[src]))
		}
		for _, src := range slices.Sorted(maps.Keys(d.Other)) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(src), shown(airflow[[2]string{d.mode(), src}]), code(d.Other[src]))
		}
	}
	return b.String()
}

func shown(a answer) string {
	if a.OK != nil {
		return code(*a.OK)
	}
	return code(string(a.Value))
}

// code is a text on one line of a table.
func code(s string) string {
	s = strings.NewReplacer("\n", "⏎", "|", "\\|").Replace(s)
	if r := []rune(s); len(r) > 90 {
		s = string(r[:90]) + "…"
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if s == "" {
		return "(empty)"
	}
	return fence + s + fence
}
