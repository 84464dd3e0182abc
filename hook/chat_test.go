package hook_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/hook/directory"
)

func readNew(ctx context.Context, a *hook.App) error {
	_, err := directory.SearchUsers(ctx, a, directory.SearchQuery{Word: "Ann", Size: 10})
	return err
}

func writeNew(ctx context.Context, a *hook.App) error {
	_, err := chat.Create(ctx, a, chat.NewChat{Name: "Incident 7", Owner: "u001"})
	return err
}

func chatOperations() map[string]operation {
	return map[string]operation{
		"chat_create": {function: "chat.Create", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.Create(ctx, a, chat.NewChat{
				Name: "Incident 7", Owner: "u001", UserIDs: []string{"u002"},
				Options: chat.Options{MentionAllAuthority: 1, ShowHistoryType: 1},
			})
		}},
		"chat_info": {function: "chat.GetSceneGroup", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.Get(ctx, a, "cidAb/3dE+f0==", "")
		}},
		"chat_base_info": {function: "chat.GetBaseInfo", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.GetBaseInfo(ctx, a, "cidAb/3dE+f0==")
		}},
		"chat_info_legacy": {function: "chat.GetByChatID", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			got, err := chat.Get(ctx, a, "chatnew01", "")
			if err == nil && (got.Title != "Incident 7" || got.OwnerUserID != "u001" || len(got.UserIDs) != 2 || got.Options.ShowHistoryType != 1) {
				return nil, assert.AnError
			}
			return got, err
		}},
		"chat_id_to_open_conversation_id": {function: "chat.OpenConversationID", result: "openConversationId", call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.OpenConversationID(ctx, a, "chatnew01")
		}},
	}
}

// Ids go into the path percent-encoded.
func TestIDsArePercentEncoded(t *testing.T) {
	t.Parallel()
	s := startApp(t, answering(`{"openConversationId":"cid=="}`))
	_, err := chat.OpenConversationID(t.Context(), s.app(t), "chat/+=% 群?#")
	require.NoError(t, err)
	assert.Equal(t, "/v1.0/im/chat/chat%2F%2B%3D%25%20%E7%BE%A4%3F%23/convertToOpenConversationId", s.got()[0].Path)
}

func TestGetChatFindsGroupsOfOthers(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/new/v1.0/im/sceneGroups/query" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"code":"groupPermissionDenied","message":"no template"}`)
			return
		}
		io.WriteString(w, `{"success":true,"result":{"title":"Crew","memberCount":12}}`)
	})
	got, err := chat.Get(t.Context(), s.app(t), "cid1==", "")
	require.NoError(t, err)
	assert.Equal(t, &chat.Info{Title: "Crew", MemberCount: 12}, got)
	assert.JSONEq(t, `{"openConversationId":"cid1=="}`, s.got()[0].Body)

	_, err = chat.Get(t.Context(), s.app(t), "cid1==", "COOLAPP-1-X")
	require.NoError(t, err)
	assert.JSONEq(t, `{"openConversationId":"cid1==","coolAppCode":"COOLAPP-1-X"}`, s.got()[2].Body)
}
