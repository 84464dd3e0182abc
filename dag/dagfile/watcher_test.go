package dagfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

func TestWatchersOfAssets(t *testing.T) {
	t.Parallel()
	for name, watchers := range map[string]string{
		"plain":       "[{name: w, trigger: {trigger: dingtalk, kind: event}}]",
		"dag-factory": "[{__type__: airflow.sdk.AssetWatcher, name: w, trigger: {__type__: dingtalk, kind: event}}]",
		"positional":  "[{__type__: airflow.sdk.AssetWatcher, __args__: [w, {trigger: dingtalk, kind: event}]}]",
	} {
		for place, text := range map[string]string{
			"schedule": oneTask("  schedule: [{__type__: airflow.sdk.Asset, name: a, watchers: " + watchers + "}]"),
			"outlets":  withTask("      outlets: [{__type__: airflow.sdk.Asset, name: a, watchers: " + watchers + "}]"),
		} {
			t.Run(name+" in "+place, func(t *testing.T) {
				t.Parallel()
				d := mustParse(t, text)
				require.NoError(t, validate(t, testSchema(t), text))
				again, err := Restore(Source(d), newFakeCatalog(), testOptions())
				require.NoError(t, err, string(Source(d)))
				assert.Equal(t, d.Version, again.Version)
				for _, d := range []*dag.DAG{d, again} {
					all := d.AllAssets()
					require.Len(t, all, 1)
					require.Len(t, all[0].Watchers, 1)
					w := all[0].Watchers[0]
					assert.Equal(t, "w", w.Name)
					assert.Equal(t, "dingtalk", w.Trigger.Name)
					_, kind := yamlvalue.Lookup(w.Trigger.Args, "kind")
					require.NotNil(t, kind)
					assert.Equal(t, "event", kind.Value)
					assert.Len(t, w.Trigger.Args.Content, 2)
				}
			})
		}
	}
	bare := mustParse(t, oneTask("  schedule: {__type__: airflow.sdk.Asset, name: a, watchers: [{name: w, trigger: dingtalk}]}"))
	assert.Empty(t, bare.Assets.Asset.Watchers[0].Trigger.Args.Content)
	none := mustParse(t, oneTask("  schedule: {__type__: airflow.sdk.Asset, name: a, uri: s3://a, watchers: null}"))
	other := mustParse(t, oneTask("  schedule: {__type__: airflow.sdk.Asset, name: a, uri: s3://a}"))
	assert.Equal(t, other.Version, none.Version)
	assert.NotEqual(t, bare.Version, mustParse(t, oneTask("  schedule: {__type__: airflow.sdk.Asset, name: a}")).Version)
}

func TestWatcherMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ watchers, want string }{
		{"x", `2:62: error: dag "a": watchers: want a list of mappings with name and trigger, not`},
		{"[x]", `2:63: error: dag "a": watchers: want a mapping with name and trigger, not`},
		{"[{name: w}]", `watchers: the key trigger is missing`},
		{"[{trigger: dingtalk}]", `watchers: the key name is missing`},
		{"[{name: '', trigger: dingtalk}]", `the name of a watcher is empty`},
		{"[{name: w, triger: dingtalk}]", `2:73: error: dag "a": a watcher has no argument "triger"; did you mean "trigger"?`},
		{"[{name: w, trigger: dingtak}]", `2:82: error: dag "a": trigger: unknown trigger "dingtak"; did you mean "dingtalk"?`},
		{"[{name: w, trigger: {__type__: airflow.providers.common.messaging.triggers.msg_queue.MessageQueueTrigger, queue: x}}]", `unknown trigger "airflow`},
		{"[{name: w, trigger: {trigger: dingtalk, __type__: dingtalk}}]", `both trigger and __type__ name the trigger`},
		{"[{name: w, trigger: {kind: event}}]", `the key trigger is missing: it names the trigger`},
		{"[{name: w, trigger: {trigger: 5}}]", `want the name of a trigger, not`},
		{"[{name: w, trigger: [dingtalk]}]", `want a mapping with the key trigger`},
		{"[{name: w, trigger: {trigger: dingtalk, knd: event}}]", `2:102: error: dag "a": unknown parameter "knd"`},
		{"[{name: w, trigger: dingtalk}, {name: w, trigger: dingtalk}]", `watchers: the name "w" appears twice`},
		{"[{__type__: airflow.sdk.Asset, name: w}]", `airflow.sdk.Asset is not a watcher: write airflow.sdk.AssetWatcher`},
		{"[{__type__: airflow.sdk.AssetWatchr, name: w}]", `did you mean "airflow.sdk.AssetWatcher"?`},
	} {
		t.Run(c.watchers, func(t *testing.T) {
			t.Parallel()
			_, found := parseText(oneTask("  schedule: {__type__: airflow.sdk.Asset, name: a, watchers: " + c.watchers + "}"))
			assert.True(t, found.HasErrors())
			assert.Contains(t, found.String(), c.want)
		})
	}
}
