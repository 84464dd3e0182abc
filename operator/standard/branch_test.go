package standard_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestBranch(t *testing.T) {
	t.Parallel()
	one := func(ids ...string) operator.Branch { return operator.Branch{TaskIDs: ids} }
	list := func(ids ...string) operator.Branch { return operator.Branch{TaskIDs: ids, AsList: true} }
	for text, want := range map[string]operator.Branch{
		"choose: a":                 one("a"),
		`choose: " a , group.b,\n"`: one("a", "group.b"),
		`choose: '["a", "b"]'`:      list("a", "b"),
		`choose: "['a', 'b']"`:      list("a", "b"),
		`choose: "['a']"`:           list("a"),
		"choose: [a, b]":            list("a", "b"),
		"choose: [a]":               list("a"),
		`choose: ""`:                one(),
		`choose: "[]"`:              list([]string{}...),
		`choose: "None"`:            one(),
		`choose: "null"`:            one(),
		"{cases: [{when: no, to: a}, {when: 'True', to: b}, {when: 1, to: c}]}":       one("b"),
		"{cases: [{when: '', to: a}, {when: 2, to: [b, c]}], otherwise: d}":           list("b", "c"),
		"{cases: [{when: 2, to: [b]}], otherwise: d}":                                 list("b"),
		"{cases: [{when: ' FALSE\n', to: a}, {when: 0, to: b}], otherwise: [d]}":      list("d"),
		"{cases: [{when: None, to: a}, {when: 'off', to: b}, {when: [], to: c}]}":     one(),
		"{cases: [{when: {a: 1}, to: a}]}":                                            one("a"),
		"{cases: [{when: 'null', to: a}, {when: 'Nothing', to: b}], otherwise: null}": one("b"),
		"{cases: [{when: 'null', to: [a]}], otherwise: d}":                            one("d"),
	} {
		got, err := suite.Run(t, operatortest.NewTask(t), "branch", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

// A template that is rendered natively may give any value.
func TestBranchNativeValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		value any
		want  operator.Branch
		err   string
	}{
		"list":   {[]any{"a"}, operator.Branch{TaskIDs: []string{"a"}, AsList: true}, ""},
		"none":   {nil, operator.Branch{}, ""},
		"number": {int64(3), operator.Branch{}, "choose must give an id or a list of ids, not a int64"},
		"inside": {[]any{"a", int64(3)}, operator.Branch{}, "element 2 of its list is a int64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := suite.Spec(t, "branch")
			op, err := s.Render(operatortest.Decode(t, s, "choose: '{{ x }}'"), func(_, _ string) (any, error) { return tc.value, nil })
			require.NoError(t, err)
			got, err := op.Execute(t.Context(), operatortest.NewTask(t).TaskContext)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestBranchRefused(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "branch", map[string]string{
		"{}":                                     "branch needs choose, or cases",
		"cases: []":                              "at least one case",
		"otherwise: a":                           "branch needs choose, or cases",
		"{choose: a, cases: [{when: 1, to: a}]}": "exclude each other",
		"{choose: a, otherwise: b}":              "otherwise belongs to cases",
		"choose: 3":                              "choose must give an id or a list of ids",
		"cases: [{when: 1}]":                     `missing parameter "to"`,
		"cases: [{to: a}]":                       `missing parameter "when"`,
		"cases: [{when: 1, to: 3}]":              "must be text",
		"{cases: [{when: 1, to: a, else: b}]}":   `unknown parameter "else"`,
		"{cases: [{when: 1, to: a}], otherwise: {a: b}}": "must be text",
	})
}

func TestBranchTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"choose: 'a, b'":    {"a", "b"},
		"choose: '{{ x }}'": nil,
		"{cases: [{when: '{{ x }}', to: a}, {when: 1, to: [b, c]}], otherwise: d}": {"a", "b", "c", "d"},
	} {
		op := operatortest.Decode(t, suite.Spec(t, "branch"), text)
		assert.Equal(t, want, op.(operator.Brancher).Targets(), text)
	}
}

func TestShortCircuit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"condition: x":       true,
		"condition: yes":     true,
		"condition: 0.5":     true,
		"condition: 'False'": operator.SkipDownstream{Value: false},
		"condition: ''":      operator.SkipDownstream{Value: false},
		"{condition: no, ignore_downstream_trigger_rules: true}":  operator.SkipDownstream{Value: false},
		"{condition: no, ignore_downstream_trigger_rules: false}": operator.SkipDownstream{Value: false, DirectOnly: true},
		"{condition: 1, ignore_downstream_trigger_rules: false}":  true,
	} {
		got, err := suite.Run(t, operatortest.NewTask(t), "short_circuit", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	suite.Refused(t, "short_circuit", map[string]string{
		"{}":              `missing parameter "condition"`,
		"condition: null": "must not be null",
	})
}

func TestLatestOnly(t *testing.T) {
	t.Parallel()
	for latest, want := range map[bool]any{true: nil, false: operator.SkipDownstream{DirectOnly: true}} {
		task := operatortest.NewTask(t)
		task.Latest = latest
		got, err := suite.Run(t, task, "latest_only", "{}")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
