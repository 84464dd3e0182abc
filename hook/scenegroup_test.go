package hook_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook"
)

func sceneGroupOperations() map[string]operation {
	const group = "cidAb/3dE+f0=="
	change := hook.SceneGroupMembersChange{OpenConversationID: group, UserIDs: []string{"u003"}}
	return map[string]operation{
		"scene_group_create": {method: "CreateSceneGroup", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.CreateSceneGroup(ctx, hook.NewSceneGroup{
				Title: "Release crew", TemplateID: "c354-1", OwnerUserID: "u001", UserIDs: []string{"u001", "u002"},
				SubAdminIDs: []string{"u002"}, UUID: "crew-1", Options: map[string]int{"show_history_type": 1},
			})
		}},
		"scene_group_update": {method: "UpdateSceneGroup", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.UpdateSceneGroup(ctx, hook.SceneGroupUpdate{OpenConversationID: group, Title: "Release crew 2"})
		}},
		"scene_group_member_add": {method: "AddSceneGroupMembers", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.AddSceneGroupMembers(ctx, change)
		}},
		"scene_group_member_delete": {method: "RemoveSceneGroupMembers", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.RemoveSceneGroupMembers(ctx, change)
		}},
		"scene_group_members": {method: "SceneGroupMembers", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.SceneGroupMembers(ctx, hook.SceneGroupMembersQuery{OpenConversationID: group, Size: 200})
		}},
		"scene_group_disband": {method: "DisbandSceneGroup", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.DisbandSceneGroup(ctx, group)
		}},
	}
}

// The scene group call is repeated when a key makes that safe.
func TestSceneGroupKeyMakesRepeatsSafe(t *testing.T) {
	t.Parallel()
	for uuid, want := range map[string]int{"": 1, "k": 3} {
		s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { cut(w) })
		_, err := s.app(t).CreateSceneGroup(t.Context(), hook.NewSceneGroup{Title: "t", TemplateID: "x", OwnerUserID: "u", UUID: uuid})
		assert.Equal(t, uuid == "", failed(t, err).Uncertain())
		assert.Len(t, s.got(), want)
	}
}
