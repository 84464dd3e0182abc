package chat_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/chat"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func operations() map[string]calltest.Operation {
	all := chatOperations()
	maps.Copy(all, sceneGroupOperations())
	return all
}

func chatOperations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"chat_create": {Function: "Create", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.Create(ctx, a, chat.NewChat{
				Name: "Incident 7", Owner: "u001", UserIDs: []string{"u002"},
				Options: chat.Options{MentionAllAuthority: 1, ShowHistoryType: 1},
			})
		}},
		"chat_info": {Function: "GetSceneGroup", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.Get(ctx, a, "cidAb/3dE+f0==", "")
		}},
		"chat_base_info": {Function: "GetBaseInfo", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.GetBaseInfo(ctx, a, "cidAb/3dE+f0==")
		}},
		"chat_info_legacy": {Function: "GetByChatID", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			got, err := chat.Get(ctx, a, "chatnew01", "")
			if err == nil && (got.Title != "Incident 7" || got.OwnerUserID != "u001" || len(got.UserIDs) != 2 || got.Options.ShowHistoryType != 1) {
				return nil, assert.AnError
			}
			return got, err
		}},
		"chat_id_to_open_conversation_id": {Function: "OpenConversationID", Result: "openConversationId", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return chat.OpenConversationID(ctx, a, "chatnew01")
		}},
	}
}

// Ids go into the path percent-encoded.
func TestIDsArePercentEncoded(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"openConversationId":"cid=="}`))
	_, err := chat.OpenConversationID(t.Context(), s.App(t), "chat/+=% 群?#")
	require.NoError(t, err)
	assert.Equal(t, "/v1.0/im/chat/chat%2F%2B%3D%25%20%E7%BE%A4%3F%23/convertToOpenConversationId", s.Got()[0].Path)
}

func TestGetChatFindsGroupsOfOthers(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/new/v1.0/im/sceneGroups/query" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"code":"groupPermissionDenied","message":"no template"}`)
			return
		}
		io.WriteString(w, `{"success":true,"result":{"title":"Crew","memberCount":12}}`)
	})
	got, err := chat.Get(t.Context(), s.App(t), "cid1==", "")
	require.NoError(t, err)
	assert.Equal(t, &chat.Info{Title: "Crew", MemberCount: 12}, got)
	assert.JSONEq(t, `{"openConversationId":"cid1=="}`, s.Got()[0].Body)

	_, err = chat.Get(t.Context(), s.App(t), "cid1==", "COOLAPP-1-X")
	require.NoError(t, err)
	assert.JSONEq(t, `{"openConversationId":"cid1==","coolAppCode":"COOLAPP-1-X"}`, s.Got()[2].Body)
}
