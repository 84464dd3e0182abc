package chat_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func sceneGroupOperations() map[string]calltest.Operation {
	const group = "cidAb/3dE+f0=="
	change := chat.SceneGroupMembersChange{OpenConversationID: group, UserIDs: []string{"u003"}}
	return map[string]calltest.Operation{
		"scene_group_create": {Function: "CreateSceneGroup", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.CreateSceneGroup(ctx, a, chat.NewSceneGroup{
				Title: "Release crew", TemplateID: "c354-1", OwnerUserID: "u001", UserIDs: []string{"u001", "u002"},
				SubAdminIDs: []string{"u002"}, UUID: "crew-1", Options: map[string]int{"show_history_type": 1},
			})
		}},
		"scene_group_update": {Function: "UpdateSceneGroup", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.UpdateSceneGroup(ctx, a, chat.SceneGroupUpdate{OpenConversationID: group, Title: "Release crew 2"})
		}},
		"scene_group_member_add": {Function: "AddSceneGroupMembers", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.AddSceneGroupMembers(ctx, a, change)
		}},
		"scene_group_member_delete": {Function: "RemoveSceneGroupMembers", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.RemoveSceneGroupMembers(ctx, a, change)
		}},
		"scene_group_members": {Function: "ListSceneGroupMembers", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.ListSceneGroupMembers(ctx, a, chat.SceneGroupMembersQuery{OpenConversationID: group, Size: 200})
		}},
		"scene_group_disband": {Function: "DisbandSceneGroup", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, chat.DisbandSceneGroup(ctx, a, group)
		}},
	}
}

// The scene group call is repeated when a key makes that safe.
func TestSceneGroupKeyMakesRepeatsSafe(t *testing.T) {
	t.Parallel()
	for uuid, want := range map[string]int{"": 1, "k": 3} {
		s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) { calltest.Cut(w) })
		_, err := chat.CreateSceneGroup(t.Context(), s.App(t), chat.NewSceneGroup{Title: "t", TemplateID: "x", OwnerUserID: "u", UUID: uuid})
		assert.Equal(t, uuid == "", calltest.Failed(t, err).Uncertain())
		assert.Len(t, s.Got(), want)
	}
}
