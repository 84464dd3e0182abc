package lookup_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/sql"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/owners/lookup"
)

// operators are those that look-ups are made of.
func operators(tb testing.TB) *operator.Registry {
	tb.Helper()
	h := hook.New(connections.Static{})
	tb.Cleanup(h.CloseIdleConnections)
	reg, err := operator.NewRegistry(append(sql.Specs(), dingding.Specs(h)...)...)
	require.NoError(tb, err)
	return reg
}

func parse(tb testing.TB, text string) (*owners.Book, error) {
	tb.Helper()
	var doc yaml.Node
	require.NoError(tb, yaml.Unmarshal([]byte(text), &doc))
	return lookup.Parse("dingdag.yaml", doc.Content[0], operators(tb), time.UTC)
}

func TestParse(t *testing.T) {
	t.Parallel()
	b, err := parse(t, `
orders-team: {at_mobiles: ["13800000001", 13800000003], at_user_ids: [u1, 007x]}
ann: "138 0000 0002"
值班: [13800000004, "13800000005, 13800000004"]
mail: {email: "a@example.com, b@example.com"}
abroad: +852-61234567
oncall: {directory: {dingtalk_conn_id: app, dept_id: 42}, at_user_ids: boss}
night:
  sql: {conn_id: warehouse, sql: "SELECT who FROM oncall"}
  user_id_column: 1
week: {sheet: {workbook_id: w, sheet_id: Sheet1, range_address: "A1:C60", operator_id: o}, since_column: 1, mobile_column: 3}
`)
	require.NoError(t, err)
	want := map[string]owners.People{
		"orders-team": {Mobiles: []string{"13800000001", "13800000003"}, UserIDs: []string{"u1", "007x"}},
		"ann":         {Mobiles: []string{"13800000002"}},
		"值班":          {Mobiles: []string{"13800000004", "13800000005"}},
		"mail":        {Emails: []string{"a@example.com", "b@example.com"}},
		"abroad":      {Mobiles: []string{"+852-61234567"}},
		"oncall":      {UserIDs: []string{"boss"}},
		"night":       {},
		"week":        {},
	}
	kinds := map[string]string{"oncall": "directory", "night": "sql", "week": "sheet"}
	for _, e := range b.Entries() {
		assert.Equal(t, want[e.Name], e.People, e.Name)
		delete(want, e.Name)
		if kinds[e.Name] == "" {
			assert.Nil(t, e.Lookup, e.Name)
			continue
		}
		require.NotNil(t, e.Lookup, e.Name)
		assert.Equal(t, kinds[e.Name], e.Lookup.Kind())
	}
	assert.Empty(t, want)
	assert.Equal(t, dag.Position{File: "dingdag.yaml", Line: 2, Column: 1}, b.Entries()[5].Pos)
	assert.Equal(t, "orders-team", b.Entries()[5].Name)
}

// Answers are kept for the question, not for how it is written.
func TestKeysOfLookups(t *testing.T) {
	t.Parallel()
	key := func(text string) string {
		b, err := parse(t, text)
		require.NoError(t, err)
		return b.Entries()[0].Lookup.Key()
	}
	plain := key(`x: {sql: {conn_id: w, sql: SELECT 1}}`)
	assert.Equal(t, plain, key("# moved\ny:\n  sql:\n    sql: 'SELECT 1'\n    conn_id: w\n  at_mobiles: ['13800000001']"))
	for _, other := range []string{
		`x: {sql: {conn_id: w, sql: SELECT 2}}`, `x: {sql: {conn_id: v, sql: SELECT 1}}`, `x: {sql: {conn_id: w, sql: SELECT 1}, mobile_column: 2}`,
	} {
		assert.NotEqual(t, plain, key(other), other)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[ann]`:                    `1:1: owners: must be a mapping from owners to people, such as {ann: "13800000001"}`,
		`ann: 013700000001`:        `1:6: owners: ann: parameter "at_mobiles[0]" must be text, not a whole number: quote it, since YAML reads a number that begins with 0 as octal`,
		`ann: 013800000001`:        `1:6: owners: ann: at_mobiles has a number that begins with 0 and that YAML may read as octal: quote it`,
		`ann: {at_user_ids: [07]}`: `1:21: owners: ann: parameter "at_user_ids[0]" must be text, not a whole number (07): quote it`,
		"ann: {at_mobiles: [\"13800000001\",\n  0138]}": `2:3: owners: ann: at_mobiles has a number that begins with 0`,
		`ann: 1.38e+10`:                          `1:6: owners: ann: parameter "at_mobiles[0]" must be text, not a number: quote it`,
		`ann: bob`:                               `1:6: owners: ann: parameter "at_mobiles": "bob" is not a valid mobile number: write its digits`,
		`ann: ""`:                                `1:6: owners: ann: parameter "at_mobiles": it is empty, which notifies nobody`,
		`ann:`:                                   `owners: ann: there is nobody: give at_mobiles, at_user_ids, email, directory, sql or sheet`,
		`ann: {}`:                                `1:6: owners: ann: there is nobody`,
		`ann: {at_mobile: x}`:                    `1:7: owners: ann: unknown parameter "at_mobile" for an owner; did you mean "at_mobiles"?`,
		`ann: {at_mobiles: "{{ x }}"}`:           `1:19: owners: ann: parameter "at_mobiles": takes no template: an owner is the same for every run`,
		`ann: {email: ann}`:                      `1:14: owners: ann: parameter "email": "ann" is not a valid mail address`,
		`"ann, bob": "13800000001"`:              `1:1: owners: "ann, bob" is not the name of an owner: a comma separates two of them`,
		"ann: '13800000001'\nann: '13800000002'": `2:1: owners: "ann" appears twice`,
		`on: "13800000001"`:                      `1:1: owners: the name of an owner must be text, not a boolean: quote it`,
		`x: {sql: {conn_id: w, sql: SELECT 1}, sheet: {}}`:        `1:39: owners: x: give one of directory, sql and sheet`,
		`x: {sql: {conn_id: w, qsl: SELECT 1}}`:                   `1:23: owners: x: unknown parameter "qsl" for operator sql; did you mean "sql"?`,
		`x: {sql: SELECT 1}`:                                      `1:10: owners: x: the value of operator sql must be a mapping, not text`,
		`x: {sheet: {sheet_id: s}}`:                               `owners: x: missing parameter "workbook_id" for operator dingtalk_get_range_data`,
		`x: {directory: {dept_id: "{{ ds }}"}}`:                   `1:26: owners: x: dept_id takes no template here`,
		`x: {directory: {dept_id: 1}, mobile_column: 1}`:          `1:30: owners: x: mobile_column belongs to sql and sheet`,
		`x: {at_mobiles: "13800000001", since_column: 1}`:         `1:32: owners: x: since_column belongs to sql and sheet`,
		`x: {sql: {conn_id: w, sql: SELECT 1}, mobile_column: 0}`: `1:54: owners: x: parameter "mobile_column" must be at least 1, not 0`,
	} {
		b, err := parse(t, text)
		assert.Nil(t, b, text)
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want, text)
			assert.Regexp(t, `^dingdag.yaml:[1-9]\d*:[1-9]`, err.Error(), text)
		}
	}
	_, err := parse(t, "ann: 013700000001\nbob: 5x\n")
	require.Error(t, err)
	assert.Regexp(t, `(?s)^dingdag.yaml:1:6: .*\ndingdag.yaml:2:6: `, err.Error(), "all at once")
}
