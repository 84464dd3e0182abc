package dagfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Every form of A15, with what the DAG then waits for.
func TestAssetSchedules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "catalogue.yaml"), []byte(`datasets:
  - {name: orders, uri: "s3://raw/orders"}
  - {name: orders_old, uri: "s3://raw/orders/old"}
  - {name: shops, uri: "db://shops"}
`), 0o600))
	for name, c := range map[string]struct{ schedule, want, timetable string }{
		"URIs":               {"[s3://x/a, ' s3://x/b ', '', null]", "s3://x/a and s3://x/b", "never"},
		"one URI":            {"[s3://x/a]", "s3://x/a", "never"},
		"twice":              {"[s3://x/a, 'S3://x/a/']", "s3://x/a", "never"},
		"typed":              {"{__type__: airflow.sdk.Asset, name: orders, uri: s3://x/a, group: sales, extra: {team: 1}}", "orders", "never"},
		"typed positional":   {"{__type__: airflow.sdk.Asset, __args__: [orders, s3://x/a]}", "orders", "never"},
		"typed by name":      {"{__type__: airflow.sdk.Asset, name: orders}", "orders", "never"},
		"dataset":            {"{__type__: airflow.datasets.Dataset, __args__: [s3://x/a, {team: 1}]}", "s3://x/a", "never"},
		"typed list":         {"[{__type__: airflow.datasets.Dataset, uri: s3://x/a}, s3://x/b]", "s3://x/a and s3://x/b", "never"},
		"and":                {"{__and__: [{__type__: airflow.sdk.Asset, uri: s3://x/a}, s3://x/b]}", "s3://x/a and s3://x/b", "never"},
		"nested":             {"{__or__: [{__and__: [s3://x/a, s3://x/b]}, s3://x/c]}", "(s3://x/a and s3://x/b) or s3://x/c", "never"},
		"datasets list":      {"{datasets: [s3://x/a, s3://x/b]}", "s3://x/a and s3://x/b", "never"},
		"condition":          {"{datasets: 's3://x/a | s3://x/b & s3://x/ab'}", "s3://x/a or (s3://x/b and s3://x/ab)", "never"},
		"parentheses":        {"{datasets: '(s3://x/a|s3://x/b)&s3://x/c'}", "(s3://x/a or s3://x/b) and s3://x/c", "never"},
		"bare names":         {"{datasets: '(a & b) | c'}", "(a and b) or c", "never"},
		"parts of text":      {"{datasets: {__or__: ['s3://x/a & s3://x/b', s3://x/c]}}", "(s3://x/a and s3://x/b) or s3://x/c", "never"},
		"names":              {"{file: catalogue.yaml, datasets: [orders, shops]}", "orders and shops", "never"},
		"names and prefixes": {"{file: catalogue.yaml, datasets: 'orders_old | orders & s3://x'}", "orders_old or (orders and s3://x)", "never"},
		"or time": {
			"{datasets: [s3://x/a], timetable: {__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '0 9 * * *', timezone: Asia/Shanghai}}",
			"s3://x/a", "cron",
		},
		"or time with names": {"{file: catalogue.yaml, datasets: 'orders | shops', timetable: {every: 30m}}", "orders or shops", "every"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dags, found := Parse(filepath.Join(dir, "a.yaml"), []byte(oneTask("  schedule: "+c.schedule)), newFakeCatalog(), testOptions())
			require.False(t, found.HasErrors(), found.String())
			d := dags[0]
			assert.Equal(t, c.want, d.Assets.String())
			assert.Equal(t, c.timetable == "never", d.Schedule.Kind == dag.NoSchedule)
			assert.Contains(t, d.ScheduleText, "when updated: "+c.want)
			assert.NoError(t, validate(t, testSchema(t), oneTask("  schedule: "+c.schedule)))

			again, err := Restore(Source(d), newFakeCatalog(), testOptions())
			require.NoError(t, err, string(Source(d)))
			assert.Equal(t, d.Assets, again.Assets)
			assert.Equal(t, d.Schedule.Kind, again.Schedule.Kind)
			assert.Equal(t, d.Location.String(), again.Location.String())
			assert.Equal(t, d.Version, again.Version)
		})
	}
}

func TestAssetsOfTasks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "catalogue.yaml"), []byte("datasets: [{name: shops, uri: db://Shops/}]\n"), 0o600))
	text := `a:
  default_args: {outlets: [s3://all]}
  tasks:
    - {task_id: plain, operator: empty}
    - {task_id: none, operator: empty, outlets: []}
    - task_id: own
      operator: empty
      inlets: [s3://in]
      outlets: ["S3://out/", {__type__: airflow.sdk.Asset, name: named, uri: s3://n, group: g, extra: {k: [1]}}]
    - {task_id: filed, operator: empty, outlets: {file: catalogue.yaml, datasets: [shops]}}
    - {task_id: single, operator: empty, outlets: {__type__: airflow.sdk.Asset, name: my asset}}
`
	dags, found := Parse(filepath.Join(dir, "a.yaml"), []byte(text), newFakeCatalog(), testOptions())
	require.Empty(t, found.String())
	require.NoError(t, validate(t, testSchema(t), text))
	again, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, dags[0].Version, again.Version)
	for _, d := range []*dag.DAG{dags[0], again} {
		assert.Equal(t, []*dag.Asset{{URI: "s3://all", Name: "s3://all", Group: "asset"}}, d.Task("plain").Outlets)
		assert.Empty(t, d.Task("none").Outlets)
		assert.Equal(t, []*dag.Asset{{URI: "s3://in", Name: "s3://in", Group: "asset"}}, d.Task("own").Inlets)
		assert.Equal(t, []*dag.Asset{
			{URI: "s3://out", Name: "s3://out", Group: "asset"},
			{URI: "s3://n", Name: "named", Group: "g", Extra: oneKey("k", []any{int64(1)})},
		}, d.Task("own").Outlets)
		assert.Equal(t, []*dag.Asset{{URI: "db://Shops", Name: "shops", Group: "asset"}}, d.Task("filed").Outlets)
		assert.Equal(t, []*dag.Asset{{URI: "my asset", Name: "my asset", Group: "asset"}}, d.Task("single").Outlets)
	}
}

func TestAssetMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dags := filepath.Join(dir, "dags")
	for name, text := range map[string]string{
		"outside.yaml":      "datasets: []\n",
		"dags/broken.yaml":  "datasets: {orders: s3://x}\n",
		"dags/lacking.yaml": "datasets:\n  - {name: orders}\n",
		"dags/twice.yaml":   "datasets:\n  - {name: a, uri: s3://a}\n  - {name: a, uri: s3://b}\n",
		"dags/fine.yaml":    "datasets: [{name: orders, uri: 's3://x'}]\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(dir, "outside.yaml"), filepath.Join(dags, "link.yaml")))
	for _, c := range []struct{ schedule, want string }{
		{"[]", `2:13: error: dag "a": schedule: the list of assets is empty`},
		{"['', null]", `schedule: the list of assets is empty`},
		{"{datasets: []}", `2:24: error: dag "a": schedule: the list of assets is empty`},
		{"{datasets: }", `the list of assets is empty`},
		{"{__and__: []}", `2:23: error: dag "a": __and__: the list of assets is empty`},
		{"{__or__: s3://x}", `__or__ takes a list, not text "s3://x"`},
		{"{__or__: [s3://x], __and__: [s3://y]}", `__and__ and __or__ must be alone in their mapping`},
		{"{__and__: [s3://x], cron: '@daily'}", `__and__ and __or__ must be alone in their mapping`},
		{"{datasets: [s3://x], cron: '@daily'}", `2:34: error: dag "a": schedule has no key "cron" beside datasets`},
		{"{assets: [s3://x]}", `schedule has no key "assets": write datasets, or the list itself`},
		{"{file: fine.yaml}", `need datasets, which is missing`},
		{"[s3://x, 5]", `2:22: error: dag "a": schedule: 5 is a whole number in YAML 1.1: quote it`},
		{"[[s3://x]]", `schedule: want a URI or an asset, not a list`},
		{"['0 9 * * *', '0 18 * * *']", `"0 9 * * *" is not an asset but a time: put several cron expressions under cron:`},
		{"['@daily']", `"@daily" is not an asset but a time`},
		{"['s3://']", `the URI of an asset has nothing between s3:// and the path`},
		{"['file://']", `has no path: write file:///folder/name`},
		{"['s3://a b']", `has a space: write %20`},
		{"['3s://x']", `has no scheme of letters`},
		{"['airflow://x']", `the scheme airflow, which is reserved`},
		{"['s3://数据']", `has the character '数': only printable ASCII`},
		{"['s3://{{ ds }}']", `has a template, which is not rendered there`},
		{"['s3://" + strings.Repeat("x", 1500) + "']", `has more than 1500 characters`},
		{"['s3://ann:hunter22@x/y']", `warning: dag "a": schedule: the URI of an asset must not have a user or password, which are left out`},
		{"{__type__: airflow.sdk.Asset}", `airflow.sdk.Asset needs a name or a uri`},
		{"{__type__: airflow.sdk.Asset, name: ' '}", `is empty`},
		{"{__type__: airflow.sdk.Asset, name: self, uri: s3://x}", `must not have the name "self"`},
		{"{__type__: airflow.sdk.Asset, name: a, urn: s3://x}", `has no argument "urn"; did you mean "uri"?`},
		{"{__type__: airflow.sdk.AssetAlias, name: a}", `__type__ "airflow.sdk.AssetAlias" is not supported; did you mean "airflow.sdk.Asset"?`},
		{"[{__type__: datetime.timedelta, days: 1}]", `datetime.timedelta is not an asset`},
		{"{datasets: 's3://x &'}", `datasets: an asset is missing at the end`},
		{"{datasets: '(s3://x'}", `datasets: a ) is missing at the end`},
		{"{datasets: 's3://x s3://y'}", `datasets: unexpected "s3://y": write & or | between two assets`},
		{"{datasets: 's3://x & | s3://y'}", `datasets: an asset is missing before "|"`},
		{"{datasets: 'a & @daily'}", `"@daily" is not an asset but a time`},
		{"{datasets: [s3://x], timetable: [s3://y]}", `timetable: want a schedule by time, not assets`},
		{"{datasets: [s3://x], timetable: null}", `timetable: want a schedule by time, not null`},
		{"{datasets: [s3://x], timetable: '@continuous'}", `timetable: want a schedule by time`},
		{"{datasets: [s3://x], timetable: '0 25 * * *'}", `schedule: cron expression`},
		{"{file: gone.yaml, datasets: [x]}", `2:20: error: dag "a": read the file of the assets "gone.yaml": no such file`},
		{"{file: ../outside.yaml, datasets: [x]}", `the file of the assets "../outside.yaml" is outside the DAGs folder`},
		{"{file: link.yaml, datasets: [x]}", `is outside the DAGs folder`},
		{"{file: broken.yaml, datasets: [x]}", `broken.yaml:1:1: error: dag "a": the file of the assets needs the key datasets`},
		{"{file: lacking.yaml, datasets: [x]}", `lacking.yaml:2:5: error: dag "a": datasets: want a mapping with name and uri`},
		{"{file: twice.yaml, datasets: [a]}", `twice.yaml:3:12: error: dag "a": datasets: the name "a" appears twice`},
		{"{file: fine.yaml, datasets: [order]}", `the file has no dataset "order"; did you mean "orders"?`},
	} {
		t.Run(c.schedule[:min(len(c.schedule), 60)], func(t *testing.T) {
			t.Parallel()
			_, found := Parse(filepath.Join(dags, "a.yaml"), []byte(oneTask("  schedule: "+c.schedule)), newFakeCatalog(), testOptions())
			assert.Contains(t, found.String(), c.want)
			assert.NotContains(t, found.String(), "hunter22")
		})
	}
	for _, c := range []struct{ outlets, want string }{
		{"s3://x", `6:16: error: dag "a", task "t": outlets: want a list of URIs or assets, not text "s3://x"`},
		{"{__or__: [s3://x]}", `outlets: a condition is allowed only in schedule`},
		{"{datasets: [x]}", `outlets: a mapping needs file and datasets`},
		{"{uri: s3://x}", `outlets has no key "uri": it takes a list, or file and datasets`},
		{"{file: fine.yaml, datasets: orders}", `datasets: want a list of names`},
		{"[s3://x, s3://x/]", `warning: dag "a", task "t": outlets: the asset "s3://x" appears twice`},
		{"[yes]", `outlets: yes is a boolean in YAML 1.1: quote it`},
	} {
		t.Run(c.outlets, func(t *testing.T) {
			t.Parallel()
			_, found := Parse(filepath.Join(dags, "a.yaml"), []byte(withTask("      outlets: "+c.outlets)), newFakeCatalog(), testOptions())
			assert.Contains(t, found.String(), c.want)
		})
	}
}

// A catalogue is read again although the DAG file has not changed.
func TestAssetCatalogueIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	put("a.yaml", oneTask("  schedule: {file: names.txt, datasets: [x]}"))
	put("names.txt", "datasets: [{name: x, uri: s3://one}]\n")
	l := NewLoader(newFakeCatalog(), testOptions())
	r := l.Load(dir)
	require.Len(t, r.DAGs, 1, r.Diagnostics.String())
	assert.True(t, r.Volatile)
	assert.Equal(t, "s3://one", r.DAGs[0].Assets.Asset.URI)
	put("names.txt", "datasets: [{name: x, uri: s3://two}]\n")
	assert.Equal(t, "s3://two", l.Load(dir).DAGs[0].Assets.Asset.URI)
}

func TestAssetCondition(t *testing.T) {
	t.Parallel()
	d := mustParse(t, oneTask("  schedule: {datasets: 'a://a & (b://b | c://c) | d://d'}"))
	for updated, want := range map[string]bool{
		"": false, "a": false, "b": false, "bc": false, "ab": true, "ac": true, "abc": true, "d": true, "bd": true,
	} {
		assert.Equal(t, want, d.Assets.Met(func(uri string) bool { return strings.Contains(updated, uri[:1]) }), updated)
	}
	assert.Len(t, d.Assets.Assets(), 4)
	var none *dag.AssetCondition
	assert.False(t, none.Met(func(string) bool { return true }))
	assert.Empty(t, none.Assets())
	assert.Empty(t, none.String())
}

func TestNormalURI(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"s3://Bucket/Key":        "s3://Bucket/Key",
		"S3://b/k///":            "s3://b/k",
		"s3://b/":                "s3://b",
		"https://h/p?b=2&a=1#f":  "https://h/p?a=1&b=2",
		"postgres://u:p@h:5/d/t": "postgres://h:5/d/t",
		"file:///tmp/x":          "file:///tmp/x",
		"x-own://u:p@h/ /#":      "",
		"x-own://u:p@h/#f":       "x-own://u:p@h/#f",
		"orders":                 "orders",
	} {
		got, _, err := dag.AssetURI(in)
		assert.Equal(t, want == "", err != nil, in)
		assert.Equal(t, want, got)
		again, dropped, err := dag.AssetURI(got)
		if want != "" {
			require.NoError(t, err)
			assert.Equal(t, got, again, "the normal form of the normal form")
			assert.False(t, dropped)
		}
	}
}

// FuzzAssetCondition looks for text that ends the program, and for conditions whose
// canonical form says something else.
func FuzzAssetCondition(f *testing.F) {
	for _, text := range []string{"a://a & (b://b | c://c)", "((a://a))", "a://a |", ")(", "a://a&b://b|c://c&d://d", "x://{{ y }}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		condition, err := yaml.Marshal(yamlvalue.NewScalar(yamlvalue.Text, text, nil)) // in one line
		if err != nil || !utf8.ValidString(text) {
			return // not a text of YAML
		}
		dags, _ := parseText(oneTask("  schedule:\n    datasets: " + string(condition)))
		for _, d := range dags {
			again, err := Restore(Source(d), newFakeCatalog(), testOptions())
			if err != nil {
				t.Fatalf("%v\n%s", err, Source(d))
			}
			if again.Assets.String() != d.Assets.String() || again.Version != d.Version {
				t.Fatalf("%q became %q", d.Assets, again.Assets)
			}
		}
	})
}
