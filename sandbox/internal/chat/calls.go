package chat

import (
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	maxChatName    = 20
	maxChatMembers = 40 // in one call that makes a chat
)

// chatOptions are the management options of a group.
func chatOptions() []string {
	return []string{"mentionAllAuthority", "showHistoryType", "validationType", "searchable", "chatBannedType", "managementType"}
}

func (s *Service) chatCalls() []core.Endpoint {
	legacy := core.Params{
		core.Need("name", core.AText), core.Need("owner", core.AText), core.Need("useridlist", core.Texts), core.May("conversationTag", core.AnInt),
		core.May("icon", core.AText), core.May("extidlist", core.Texts),
	}
	for _, name := range chatOptions() {
		legacy = append(legacy, core.May(name, core.AnInt))
	}
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/create-common-group-new-version-v2
		{
			Name: "chat.create", Method: http.MethodPost, Path: "/v1.0/im/group/create", Scope: "qyapi_chat_manage",
			Body: core.Params{
				core.Need("name", core.AText), core.Need("owner", core.AText), core.May("ownerType", core.AText), core.Need("useridlist", core.Texts),
				core.May("conversationTag", core.AnInt), core.May("extidlist", core.Texts), core.May("icon", core.AText), core.May("managementOptions", core.AnObject),
			},
			Invalid: chatError(),
			Do:      s.chatCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/session-management-creates-groups
		{
			Name: "chat.create_legacy", Method: http.MethodPost, Path: "/chat/create", Scope: "qyapi_chat_manage",
			Body: legacy, Do: s.chatCreateLegacy,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-updategroup
		{
			Name: "chat.update", Method: http.MethodPost, Path: "/v1.0/im/group/update", Scope: "qyapi_chat_manage",
			Body: core.Params{
				core.Need("chatid", core.AText), core.May("name", core.AText), core.May("owner", core.AText), core.May("ownerType", core.AText), core.May("icon", core.AText),
				core.May("add_useridlist", core.Texts), core.May("del_useridlist", core.Texts), core.May("add_extidlist", core.Texts), core.May("del_extidlist", core.Texts),
				core.May("managementOptions", core.AnObject),
			},
			Invalid: chatError(),
			Do:      s.chatUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-group-information
		{
			Name: "chat.info", Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/query", Scope: "qyapi_chat_manage",
			Body:    core.Params{core.Need("openConversationId", core.AText), core.May("coolAppCode", core.AText)},
			Invalid: core.Fail(http.StatusBadRequest, "paramIllegal", ""),
			Do:      s.chatInfo,
		},
		// The generated SDKs have this call; no page of the documentation does.
		{
			Name: "chat.base_info", Method: http.MethodPost, Path: "/v1.0/im/groups/baseInfos/query",
			Body:    core.Params{core.Need("openConversationId", core.AText)},
			Invalid: core.Fail(http.StatusBadRequest, "paramIllegal", ""),
			Do:      s.chatBaseInfo,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-a-group-session
		{
			Name: "chat.get_legacy", Method: http.MethodGet, Path: "/chat/get", Scope: "qyapi_chat_read",
			Query: core.Params{core.May("chatid", core.AText)}, Do: s.chatGetLegacy,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-group-openconversationid
		{
			Name: "chat.convert_id", Method: http.MethodPost, Scope: "qyapi_chat_manage",
			Path: "/v1.0/im/chat/{chatId}/convertToOpenConversationId", Do: s.chatConvertID,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-setup-group-administrator
		{
			Name: "chat.set_admins", Method: http.MethodPost, Path: "/v1.0/im/subAdministrators", Scope: "qyapi_chat_manage",
			Body:    core.Params{core.Need("openConversationId", core.AText), core.Need("userIds", core.Texts), core.Need("role", core.AnInt)},
			Invalid: chatError(),
			Do:      s.chatSetAdmins,
		},
	}
}

func chatError() *core.Refusal {
	return core.Fail(http.StatusBadRequest, "parameter.invalid", "参数错误")
}

func (s *Service) chatCreate(req *core.AppRequest) (any, *core.Refusal) {
	options, ok := readOptions(req.Object("managementOptions"))
	if !ok || s.checkNewChat(req) != 0 {
		return nil, chatError()
	}
	c := s.newChat(req, options)
	return core.Object{"openConversationId": c.OpenConversationID, "chatid": c.ChatID, "conversationTag": req.IntOr("conversationTag", 2)}, nil
}

func (s *Service) chatCreateLegacy(req *core.AppRequest) (any, *core.Refusal) {
	options := map[string]int{}
	for _, name := range chatOptions() {
		if v := req.Int(name); v == 0 || v == 1 {
			options[name] = v
		} else {
			return nil, core.InvalidFor(core.Plain, name, nil)
		}
	}
	if code := s.checkNewChat(req); code != 0 {
		r := core.Refuse(code)
		if r.Text == "" {
			r.Text = "不合法的参数 name 或 owner"
		}
		return nil, r
	}
	c := s.newChat(req, options)
	return core.Object{"chatid": c.ChatID, "openConversationId": c.OpenConversationID, "conversationTag": req.IntOr("conversationTag", 2)}, nil
}

// checkNewChat returns the legacy code of what is wrong, or zero.
func (s *Service) checkNewChat(req *core.AppRequest) int {
	members, name := req.Texts("useridlist"), utf8.RuneCountInString(req.Text("name"))
	switch {
	case len(members) == 0:
		return 49010
	case len(members) > maxChatMembers:
		return 49011
	case len(s.core.People.Unknown(members)) > 0:
		return 40031
	case name < 1 || name > maxChatName || !slices.Contains(members, req.Text("owner")):
		return 400002
	default:
		return 0
	}
}

func (s *Service) newChat(req *core.AppRequest, options map[string]int) *core.Chat {
	c := core.Chat{
		Name: req.Text("name"), Owner: req.Text("owner"), Icon: req.Text("icon"),
		Options: options, Bots: []string{req.App.AppKey},
	}
	join(&c, req.Texts("useridlist")...)
	return s.addChat(c)
}

func (s *Service) chatUpdate(req *core.AppRequest) (any, *core.Refusal) {
	c := s.groups.byID(req.Text("chatid"))
	options, ok := readOptions(req.Object("managementOptions"))
	if c == nil || c.Disbanded || !ok || utf8.RuneCountInString(req.Text("name")) > maxChatName {
		return nil, chatError()
	}
	if len(s.core.People.Unknown(req.Texts("add_useridlist"))) > 0 {
		return nil, chatError()
	}
	changed := *c
	join(&changed, req.Texts("add_useridlist")...)
	leave(&changed, req.Texts("del_useridlist")...)
	set(&changed.Name, req.Text("name"))
	set(&changed.Icon, req.Text("icon"))
	set(&changed.Owner, req.Text("owner"))
	if !slices.Contains(changed.Members, changed.Owner) {
		return nil, chatError()
	}
	setOptions(&changed, options)
	*c = changed
	return core.Object{"success": true}, nil
}

// set changes what an update names.
func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func setOptions(c *core.Chat, options map[string]int) {
	merged := map[string]int{}
	maps.Copy(merged, c.Options)
	maps.Copy(merged, options)
	c.Options = merged
}

// chatInfo knows scene groups of the app alone, as DingTalk does.
func (s *Service) chatInfo(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	return core.Object{
		"success": true, "openConversationId": c.OpenConversationID, "templateId": c.Template, "title": c.Name,
		"ownerUserId": c.Owner, "icon": c.Icon, "groupUrl": "https://qr.dingtalk.com/action/joingroup?code=" + c.ChatID,
		"status": status(c),
	}, nil
}

func (s *Service) chatBaseInfo(req *core.AppRequest) (any, *core.Refusal) {
	c := s.groups.ByConversation(req.Text("openConversationId"))
	if c == nil {
		return nil, core.Fail(http.StatusBadRequest, "paramIllegal", "openConversationId不合法")
	}
	return core.Object{"success": true, "result": core.Object{
		"openConversationId": c.OpenConversationID, "title": c.Name, "icon": c.Icon, "memberCount": len(c.Members), "tag": "2",
	}}, nil
}

func (s *Service) chatGetLegacy(req *core.AppRequest) (any, *core.Refusal) {
	if req.Text("chatid") == "" {
		return nil, core.Refuse(49000)
	}
	c := s.groups.byID(req.Text("chatid"))
	if c == nil {
		return nil, core.Refuse(40016)
	}
	info := core.Object{
		"chatid": c.ChatID, "name": c.Name, "owner": c.Owner, "useridlist": c.Members, "extidlist": []string{},
		"conversationTag": 2, "icon": c.Icon, "status": status(c),
	}
	for _, name := range chatOptions() {
		info[name] = c.Options[name]
	}
	return core.Object{"chat_info": info}, nil
}

func (s *Service) chatConvertID(req *core.AppRequest) (any, *core.Refusal) {
	c := s.groups.byID(req.PathValue("chatId"))
	if c == nil {
		return nil, core.Fail(http.StatusBadRequest, "invalideChatId", "chatId不合法")
	}
	return core.Object{"openConversationId": c.OpenConversationID}, nil
}

func (s *Service) chatSetAdmins(req *core.AppRequest) (any, *core.Refusal) {
	c := s.groups.ByConversation(req.Text("openConversationId"))
	role := req.Int("role")
	if c == nil || role != 2 && role != 3 {
		return nil, chatError()
	}
	admins := slices.DeleteFunc(slices.Clone(c.Admins), func(id string) bool { return slices.Contains(req.Texts("userIds"), id) })
	if role == 2 {
		for _, id := range req.Texts("userIds") {
			if !slices.Contains(c.Members, id) {
				return nil, chatError()
			}
			admins = append(admins, id)
		}
	}
	c.Admins = admins
	return core.Object{"success": "true"}, nil
}
