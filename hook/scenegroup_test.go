package hook_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
)

func sceneGroupOperations() map[string]operation {
	const group = "cidAb/3dE+f0=="
	change := chat.SceneGroupMembersChange{OpenConversationID: group, UserIDs: []string{"u003"}}
	return map[string]operation{
		"scene_group_create": {function: "chat.CreateSceneGroup", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.CreateSceneGroup(ctx, a, chat.NewSceneGroup{
				Title: "Release crew", TemplateID: "c354-1", OwnerUserID: "u001", UserIDs: []string{"u001", "u002"},
				SubAdminIDs: []string{"u002"}, UUID: "crew-1", Options: map[string]int{"show_history_type": 1},
			})
		}},
		"scene_group_update": {function: "chat.UpdateSceneGroup", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.UpdateSceneGroup(ctx, a, chat.SceneGroupUpdate{OpenConversationID: group, Title: "Release crew 2"})
		}},
		"scene_group_member_add": {function: "chat.AddSceneGroupMembers", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.AddSceneGroupMembers(ctx, a, change)
		}},
		"scene_group_member_delete": {function: "chat.RemoveSceneGroupMembers", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.RemoveSceneGroupMembers(ctx, a, change)
		}},
		"scene_group_members": {function: "chat.ListSceneGroupMembers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.ListSceneGroupMembers(ctx, a, chat.SceneGroupMembersQuery{OpenConversationID: group, Size: 200})
		}},
		"scene_group_disband": {function: "chat.DisbandSceneGroup", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.DisbandSceneGroup(ctx, a, group)
		}},
	}
}

// The scene group call is repeated when a key makes that safe.
func TestSceneGroupKeyMakesRepeatsSafe(t *testing.T) {
	t.Parallel()
	for uuid, want := range map[string]int{"": 1, "k": 3} {
		s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { cut(w) })
		_, err := chat.CreateSceneGroup(t.Context(), s.app(t), chat.NewSceneGroup{Title: "t", TemplateID: "x", OwnerUserID: "u", UUID: uuid})
		assert.Equal(t, uuid == "", failed(t, err).Uncertain())
		assert.Len(t, s.got(), want)
	}
}
