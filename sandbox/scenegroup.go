package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxSceneTitle = 30

func sceneGroupCalls() []call {
	members := params{need("open_conversation_id", aText), may("user_ids", texts), may("union_ids", texts)}
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/create-a-scene-group
		endpoint{
			name: "scenegroup.create", method: http.MethodPost, path: "/v1.0/im/sceneGroup/create", scope: "qyapi_chat_manage",
			body: params{
				need("title", aText), need("template_id", aText), need("owner_user_id", aText), may("user_ids", texts),
				may("subadmin_ids", texts), may("icon", aText), may("uuid", aText), may("management_options", anObject),
			},
			invalid: chatError(),
			do:      (*Server).sceneGroupCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-updatescenegroup
		endpoint{
			name: "scenegroup.update", method: http.MethodPost, path: "/v1.0/im/sceneGroup/update", scope: "qyapi_chat_manage",
			body: params{
				need("open_conversation_id", aText), may("title", aText), may("icon", aText), may("owner_user_id", aText),
				may("owner_union_id", aText), may("management_options", anObject),
			},
			invalid: chatError(),
			do:      (*Server).sceneGroupUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-addscenegroupmember
		endpoint{
			name: "scenegroup.add_members", method: http.MethodPost, path: "/v1.0/im/sceneGroup/member/add", scope: "qyapi_chat_manage",
			body: members, invalid: chatError(), do: (*Server).sceneGroupAddMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-removescenegroupmember
		endpoint{
			name: "scenegroup.delete_members", method: http.MethodPost, path: "/v1.0/im/sceneGroup/member/delete", scope: "qyapi_chat_manage",
			body: members, invalid: chatError(), do: (*Server).sceneGroupDeleteMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-group-members
		endpoint{
			name: "scenegroup.members", method: http.MethodPost, path: "/v1.0/im/sceneGroups/members/batchQuery", scope: "qyapi_chat_manage",
			body: params{
				need("openConversationId", aText), may("coolAppCode", aText), need("maxResults", anInt), may("nextToken", aText),
			},
			invalid: chatError(),
			do:      (*Server).sceneGroupMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-dsbandopenscenegroup
		endpoint{
			name: "scenegroup.disband", method: http.MethodPost, path: "/v1.0/im/chat/scenegroup/disband", scope: "qyapi_chat_manage",
			body: params{need("openConversationId", aText)}, invalid: chatError(), do: (*Server).sceneGroupDisband,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-basic-information-of-a-scenario-group
		endpoint{
			name: "scenegroup.get_legacy", method: http.MethodPost, path: "/topapi/im/chat/scenegroup/get", scope: "qyapi_chat_read",
			body: params{need("open_conversation_id", aText)}, do: (*Server).sceneGroupGetLegacy,
		},
	)
}

// sceneGroup finds the group of a request and makes sure that the app may see it.
func (s *Server) sceneGroup(req *appRequest) (*Chat, *refusal) {
	id := req.text("openConversationId") + req.text("open_conversation_id")
	if !strings.HasPrefix(id, "cid") {
		return nil, fail(http.StatusBadRequest, "cidEncryptError", "openConversationId解密失败")
	}
	c := s.chats.byConversation(id)
	switch {
	case c == nil:
		return nil, fail(http.StatusBadRequest, "paramIllegal", "群不存在")
	case !slices.Contains(req.app.GroupTemplates, c.Template):
		return nil, fail(http.StatusBadRequest, "groupPermissionDenied", "群没有安装本应用的群模板")
	default:
		return c, nil
	}
}

// liveSceneGroup is for calls that change the group.
func (s *Server) liveSceneGroup(req *appRequest) (*Chat, *refusal) {
	c, r := s.sceneGroup(req)
	if r != nil || c.Disbanded {
		return nil, chatError()
	}
	return c, nil
}

func (s *Server) sceneGroupCreate(req *appRequest) (any, *refusal) {
	uuid := req.app.AppKey + " " + req.text("uuid")
	if c := s.chats.created[uuid]; c != nil && req.has("uuid") {
		return object{"open_conversation_id": c.OpenConversationID, "chat_id": c.ChatID}, nil
	}
	title := utf8.RuneCountInString(req.text("title"))
	options, ok := readOptions(req.object("management_options"))
	members := append([]string{req.text("owner_user_id")}, req.texts("user_ids")...)
	switch {
	case title < 1 || title > maxSceneTitle || !ok:
		return nil, chatError()
	case !slices.Contains(req.app.GroupTemplates, req.text("template_id")):
		return nil, fail(http.StatusBadRequest, "groupTemplate.notFound", "群模板不存在或已停用")
	case len(s.unknownUsers(append(members, req.texts("subadmin_ids")...))) > 0:
		return nil, fail(http.StatusBadRequest, "member.notFound", "群成员不存在")
	}
	c := Chat{
		Name: req.text("title"), Owner: req.text("owner_user_id"), Admins: req.texts("subadmin_ids"), Icon: req.text("icon"),
		Template: req.text("template_id"), Options: options, Bots: []string{req.app.AppKey},
	}
	c.join(append(members, c.Admins...)...)
	added := s.addChat(c)
	s.chats.created[uuid] = added
	return object{"open_conversation_id": added.OpenConversationID, "chat_id": added.ChatID}, nil
}

func (s *Server) sceneGroupUpdate(req *appRequest) (any, *refusal) {
	c, r := s.liveSceneGroup(req)
	if r != nil {
		return nil, r
	}
	options, ok := readOptions(req.object("management_options"))
	owner := req.text("owner_user_id")
	if u := s.directory.userByUnionID(req.text("owner_union_id")); u != nil {
		owner = u.UserID
	}
	if !ok || utf8.RuneCountInString(req.text("title")) > maxSceneTitle || owner != "" && !slices.Contains(c.Members, owner) {
		return nil, chatError()
	}
	set(&c.Name, req.text("title"))
	set(&c.Icon, req.text("icon"))
	set(&c.Owner, owner)
	c.setOptions(options)
	return object{"success": true}, nil
}

// people reads the members that a request names, in either kind of id.
func (s *Server) people(req *appRequest) ([]string, bool) {
	ids := slices.Clone(req.texts("user_ids"))
	for _, id := range req.texts("union_ids") {
		if u := s.directory.userByUnionID(id); u != nil {
			ids = append(ids, u.UserID)
		} else {
			return nil, false
		}
	}
	return ids, len(ids) > 0 && len(s.unknownUsers(ids)) == 0
}

func (s *Server) sceneGroupAddMembers(req *appRequest) (any, *refusal) {
	c, r := s.liveSceneGroup(req)
	ids, ok := s.people(req)
	if r != nil || !ok {
		return nil, chatError()
	}
	c.join(ids...)
	return object{"success": true}, nil
}

func (s *Server) sceneGroupDeleteMembers(req *appRequest) (any, *refusal) {
	c, r := s.liveSceneGroup(req)
	ids, ok := s.people(req)
	if r != nil || !ok || slices.Contains(ids, c.Owner) {
		return nil, chatError()
	}
	c.leave(ids...)
	return object{"success": true}, nil
}

// sceneGroupMembers answers one page whatever its size should be, as DingTalk does for
// groups of up to 1000.
func (s *Server) sceneGroupMembers(req *appRequest) (any, *refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	nicks := map[string]string{}
	for _, id := range c.Members {
		if u := s.directory.user(id); u != nil {
			nicks[id] = u.Name
		}
	}
	return object{
		"success": true, "memberUserIds": c.Members, "unionIdList": []string{}, "staffIdNickMap": nicks,
		"unionIdNickMap": object{}, "hasMore": false, "nextToken": "",
	}, nil
}

// sceneGroupDisband may be repeated.
func (s *Server) sceneGroupDisband(req *appRequest) (any, *refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	c.Disbanded = true
	return object{"success": true}, nil
}

func (s *Server) sceneGroupGetLegacy(req *appRequest) (any, *refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, &refusal{code: 400020, text: "群没有安装本应用的群模板"}
	}
	options := map[string]string{}
	for _, name := range []string{
		"chat_banned_type", "searchable", "validation_type", "mention_all_authority", "management_type", "show_history_type",
	} {
		options[name] = strconv.Itoa(c.Options[name])
	}
	return object{"success": true, "result": object{
		"open_conversation_id": c.OpenConversationID, "title": c.Name, "template_id": c.Template, "icon": c.Icon,
		"group_url": "https://qr.dingtalk.com/action/joingroup?code=" + c.ChatID, "owner_staff_id": c.Owner,
		"sub_admin_staff_ids": notNil(c.Admins), "management_options": options,
	}}, nil
}
