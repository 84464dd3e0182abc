package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"
)

const (
	maxChatName    = 20
	maxChatMembers = 40 // in one call that makes a chat
)

// chatOptions are the management options of a group.
func chatOptions() []string {
	return []string{"mentionAllAuthority", "showHistoryType", "validationType", "searchable", "chatBannedType", "managementType"}
}

func chatCalls() []call {
	legacy := params{
		need("name", aText), need("owner", aText), need("useridlist", texts), may("conversationTag", anInt),
		may("icon", aText), may("extidlist", texts),
	}
	for _, name := range chatOptions() {
		legacy = append(legacy, may(name, anInt))
	}
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/create-common-group-new-version-v2
		endpoint{
			name: "chat.create", method: http.MethodPost, path: "/v1.0/im/group/create", scope: "qyapi_chat_manage",
			body: params{
				need("name", aText), need("owner", aText), may("ownerType", aText), need("useridlist", texts),
				may("conversationTag", anInt), may("extidlist", texts), may("icon", aText), may("managementOptions", anObject),
			},
			invalid: chatError(),
			do:      (*Server).chatCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/session-management-creates-groups
		endpoint{
			name: "chat.create_legacy", method: http.MethodPost, path: "/chat/create", scope: "qyapi_chat_manage",
			body: legacy, do: (*Server).chatCreateLegacy,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-updategroup
		endpoint{
			name: "chat.update", method: http.MethodPost, path: "/v1.0/im/group/update", scope: "qyapi_chat_manage",
			body: params{
				need("chatid", aText), may("name", aText), may("owner", aText), may("ownerType", aText), may("icon", aText),
				may("add_useridlist", texts), may("del_useridlist", texts), may("add_extidlist", texts), may("del_extidlist", texts),
				may("managementOptions", anObject),
			},
			invalid: chatError(),
			do:      (*Server).chatUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-group-information
		endpoint{
			name: "chat.info", method: http.MethodPost, path: "/v1.0/im/sceneGroups/query", scope: "qyapi_chat_manage",
			body:    params{need("openConversationId", aText), may("coolAppCode", aText)},
			invalid: fail(http.StatusBadRequest, "paramIllegal", ""),
			do:      (*Server).chatInfo,
		},
		// The generated SDKs have this call; no page of the documentation does.
		endpoint{
			name: "chat.base_info", method: http.MethodPost, path: "/v1.0/im/groups/baseInfos/query",
			body:    params{need("openConversationId", aText)},
			invalid: fail(http.StatusBadRequest, "paramIllegal", ""),
			do:      (*Server).chatBaseInfo,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-a-group-session
		endpoint{
			name: "chat.get_legacy", method: http.MethodGet, path: "/chat/get", scope: "qyapi_chat_read",
			query: params{may("chatid", aText)}, do: (*Server).chatGetLegacy,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-group-openconversationid
		endpoint{
			name: "chat.convert_id", method: http.MethodPost, scope: "qyapi_chat_manage",
			path: "/v1.0/im/chat/{chatId}/convertToOpenConversationId", do: (*Server).chatConvertID,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-setup-group-administrator
		endpoint{
			name: "chat.set_admins", method: http.MethodPost, path: "/v1.0/im/subAdministrators", scope: "qyapi_chat_manage",
			body:    params{need("openConversationId", aText), need("userIds", texts), need("role", anInt)},
			invalid: chatError(),
			do:      (*Server).chatSetAdmins,
		},
	)
}

func chatError() *refusal { return fail(http.StatusBadRequest, "parameter.invalid", "参数错误") }

func (s *Server) chatCreate(req *appRequest) (any, *refusal) {
	options, ok := readOptions(req.object("managementOptions"))
	if !ok || s.checkNewChat(req) != 0 {
		return nil, chatError()
	}
	c := s.newChat(req, options)
	return object{"openConversationId": c.OpenConversationID, "chatid": c.ChatID, "conversationTag": req.intOr("conversationTag", 2)}, nil
}

func (s *Server) chatCreateLegacy(req *appRequest) (any, *refusal) {
	options := map[string]int{}
	for _, name := range chatOptions() {
		if v := req.int(name); v == 0 || v == 1 {
			options[name] = v
		} else {
			return nil, invalidFor(plain, name, nil)
		}
	}
	if code := s.checkNewChat(req); code != 0 {
		r := refuse(code)
		if r.text == "" {
			r.text = "不合法的参数 name 或 owner"
		}
		return nil, r
	}
	c := s.newChat(req, options)
	return object{"chatid": c.ChatID, "openConversationId": c.OpenConversationID, "conversationTag": req.intOr("conversationTag", 2)}, nil
}

// checkNewChat returns the legacy code of what is wrong, or zero.
func (s *Server) checkNewChat(req *appRequest) int {
	members, name := req.texts("useridlist"), utf8.RuneCountInString(req.text("name"))
	switch {
	case len(members) == 0:
		return 49010
	case len(members) > maxChatMembers:
		return 49011
	case len(s.unknownUsers(members)) > 0:
		return 40031
	case name < 1 || name > maxChatName || !slices.Contains(members, req.text("owner")):
		return 400002
	default:
		return 0
	}
}

func (s *Server) newChat(req *appRequest, options map[string]int) *Chat {
	c := Chat{
		Name: req.text("name"), Owner: req.text("owner"), Icon: req.text("icon"),
		Options: options, Bots: []string{req.app.AppKey},
	}
	c.join(req.texts("useridlist")...)
	return s.addChat(c)
}

func (s *Server) chatUpdate(req *appRequest) (any, *refusal) {
	c := s.chats.byID(req.text("chatid"))
	options, ok := readOptions(req.object("managementOptions"))
	if c == nil || c.Disbanded || !ok || utf8.RuneCountInString(req.text("name")) > maxChatName {
		return nil, chatError()
	}
	if len(s.unknownUsers(req.texts("add_useridlist"))) > 0 {
		return nil, chatError()
	}
	changed := *c
	changed.join(req.texts("add_useridlist")...)
	changed.leave(req.texts("del_useridlist")...)
	set(&changed.Name, req.text("name"))
	set(&changed.Icon, req.text("icon"))
	set(&changed.Owner, req.text("owner"))
	if !slices.Contains(changed.Members, changed.Owner) {
		return nil, chatError()
	}
	changed.setOptions(options)
	*c = changed
	return object{"success": true}, nil
}

// set changes what an update names.
func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func (c *Chat) setOptions(options map[string]int) {
	merged := map[string]int{}
	maps.Copy(merged, c.Options)
	maps.Copy(merged, options)
	c.Options = merged
}

// chatInfo knows scene groups of the app alone, as DingTalk does.
func (s *Server) chatInfo(req *appRequest) (any, *refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	return object{
		"success": true, "openConversationId": c.OpenConversationID, "templateId": c.Template, "title": c.Name,
		"ownerUserId": c.Owner, "icon": c.Icon, "groupUrl": "https://qr.dingtalk.com/action/joingroup?code=" + c.ChatID,
		"status": c.status(),
	}, nil
}

func (s *Server) chatBaseInfo(req *appRequest) (any, *refusal) {
	c := s.chats.byConversation(req.text("openConversationId"))
	if c == nil {
		return nil, fail(http.StatusBadRequest, "paramIllegal", "openConversationId不合法")
	}
	return object{"success": true, "result": object{
		"openConversationId": c.OpenConversationID, "title": c.Name, "icon": c.Icon, "memberCount": len(c.Members), "tag": "2",
	}}, nil
}

func (s *Server) chatGetLegacy(req *appRequest) (any, *refusal) {
	if req.text("chatid") == "" {
		return nil, refuse(49000)
	}
	c := s.chats.byID(req.text("chatid"))
	if c == nil {
		return nil, refuse(40016)
	}
	info := object{
		"chatid": c.ChatID, "name": c.Name, "owner": c.Owner, "useridlist": c.Members, "extidlist": []string{},
		"conversationTag": 2, "icon": c.Icon, "status": c.status(),
	}
	for _, name := range chatOptions() {
		info[name] = c.Options[name]
	}
	return object{"chat_info": info}, nil
}

func (s *Server) chatConvertID(req *appRequest) (any, *refusal) {
	c := s.chats.byID(req.PathValue("chatId"))
	if c == nil {
		return nil, fail(http.StatusBadRequest, "invalideChatId", "chatId不合法")
	}
	return object{"openConversationId": c.OpenConversationID}, nil
}

func (s *Server) chatSetAdmins(req *appRequest) (any, *refusal) {
	c := s.chats.byConversation(req.text("openConversationId"))
	role := req.int("role")
	if c == nil || role != 2 && role != 3 {
		return nil, chatError()
	}
	admins := slices.DeleteFunc(slices.Clone(c.Admins), func(id string) bool { return slices.Contains(req.texts("userIds"), id) })
	if role == 2 {
		for _, id := range req.texts("userIds") {
			if !slices.Contains(c.Members, id) {
				return nil, chatError()
			}
			admins = append(admins, id)
		}
	}
	c.Admins = admins
	return object{"success": "true"}, nil
}
