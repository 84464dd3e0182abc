package dagfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// renamedEntry is an operator that once knew its parameter by the name of a task's key.
type renamedEntry struct {
	fakeEntry
	renamed map[string]string
}

func (e renamedEntry) Renamed() map[string]string { return e.renamed }

type renamedCatalog struct {
	fakeCatalog
	entry renamedEntry
}

func (c renamedCatalog) Operator(name string) (Entry, bool, string) {
	if name == c.entry.name {
		return c.entry, true, ""
	}
	return c.fakeCatalog.Operator(name)
}

func TestRenamedParameters(t *testing.T) {
	t.Parallel()
	catalog := renamedCatalog{newFakeCatalog(), renamedEntry{
		fakeEntry{name: "chat", params: []string{"name", "owner_user_id"}, required: []string{"owner_user_id"}},
		map[string]string{"owner": "owner_user_id", "task_id": "owner_user_id"},
	}}
	const told = "owner is not a parameter of chat, it is a key of every task (who answers for the task): use owner_user_id"
	for name, tt := range map[string]struct{ task, want string }{
		"former name":        {"t: {operator: chat, owner: u1}", "4:25: error: dag \"d\", task \"t\": " + told},
		"both":               {"t: {operator: chat, owner: data-team, owner_user_id: u1}", ""},
		"of all tasks":       {"t: {operator: chat, owner_user_id: u1}", ""},
		"neither":            {"t: {operator: chat}", `4:9: error: dag "d", task "t": parameter "owner_user_id" is missing`},
		"another operator":   {"t: {operator: empty, owner: u1}", ""},
		"mapped":             {"t: {operator: chat, owner: data-team, expand: {owner_user_id: [u1, u2]}}", ""},
		"mapped, former":     {"t: {operator: chat, owner: u1, expand: {name: [a, b]}}", "4:25: error: dag \"d\", task \"t\": " + told},
		"task_id as a key":   {"t: {operator: chat, task_id: 7}", "4:25: error: dag \"d\", task \"t\": task_id is not a parameter of chat, it is a key of every task (the id of the task): use owner_user_id"},
		"task_id is an id":   {"- {task_id: t, operator: chat, owner_user_id: u1}", ""},
		"missing, as a list": {"- {task_id: t, operator: chat}", `4:8: error: dag "d", task "t": parameter "owner_user_id" is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "d:\n  default_args: {owner: all}\n  tasks:\n    " + tt.task + "\n"
			_, found := Parse("a.yaml", []byte(text), catalog, testOptions())
			if tt.want == "" {
				assert.Empty(t, found.String())
				return
			}
			assert.Contains(t, found.String(), tt.want)
			assert.Len(t, found, 1, "%s", found.String())
		})
	}
}
