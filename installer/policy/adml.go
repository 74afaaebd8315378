package policy

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/service"
)

// resources are an ADML file: the texts of one language, and how the editor asks.
type resources struct {
	XMLName       xml.Name       `xml:"policyDefinitionResources"`
	Schema        string         `xml:"xmlns,attr"`
	Revision      string         `xml:"revision,attr"`
	SchemaVersion string         `xml:"schemaVersion,attr"`
	DisplayName   string         `xml:"displayName"`
	Description   string         `xml:"description"`
	Strings       []localized    `xml:"resources>stringTable>string"`
	Presentations []presentation `xml:"resources>presentationTable>presentation"`
}

type localized struct {
	ID   string `xml:"id,attr"`
	Text string `xml:",chardata"`
}

type presentation struct {
	ID       string        `xml:"id,attr"`
	Decimal  *decimalBox   `xml:"decimalTextBox"`
	Text     *textBox      `xml:"textBox"`
	Dropdown *dropdownList `xml:"dropdownList"`
	List     *listBox      `xml:"listBox"`
}

type decimalBox struct {
	RefID   string `xml:"refId,attr"`
	Default string `xml:"defaultValue,attr"`
	Label   string `xml:",chardata"`
}

type textBox struct {
	RefID   string `xml:"refId,attr"`
	Label   string `xml:"label"`
	Default string `xml:"defaultValue"`
}

type dropdownList struct {
	RefID   string `xml:"refId,attr"`
	NoSort  bool   `xml:"noSort,attr"`
	Default int    `xml:"defaultItem,attr"`
	Label   string `xml:",chardata"`
}

type listBox struct {
	RefID string `xml:"refId,attr"`
	Label string `xml:",chardata"`
}

// language is one that the templates speak.
type language struct {
	name string
	pick func(config.Words) string
}

func languages() []language {
	return []language{
		{"en-US", func(w config.Words) string { return w.English }},
		{"zh-CN", func(w config.Words) string { return w.Chinese }},
	}
}

// resourcesOf are the texts of an installation's templates in one language.
func resourcesOf(id service.Identity, settings []config.PolicySetting, l language) resources {
	say := func(english, chinese string) string {
		return strings.ReplaceAll(l.pick(config.Words{English: english, Chinese: chinese}), "{name}", id.Name)
	}
	r := resources{
		Schema: schema, Revision: revision, SchemaVersion: "1.0",
		DisplayName: id.Name,
		Description: say("Settings of {name}, which keeps HTTP programs alive and serves their routes.", "{name} 的设置：守护 HTTP 程序并为其提供路由。"),
	}
	add := func(id, text string) { r.Strings = append(r.Strings, localized{id, text}) }
	add(rootCategory, id.Name)
	for _, c := range categories(settings) {
		add(categoryID(c), l.pick(c.Words()))
	}
	for _, since := range versions(settings) {
		product := "Holdfast " + since
		if id.Name != "Holdfast" {
			product = say("{name} with ", "含 ") + product
		}
		add(supportedID(since), say("At least "+product, product+" 或更高版本"))
	}
	for _, s := range settings {
		add(s.Name, say(s.Title.English, s.Title.Chinese))
		add(helpID(s.Name), say(help(s)))
		for _, v := range s.Values {
			add(itemID(s.Name, v), v)
		}
		if p, ok := presentationOf(s, say); ok {
			r.Presentations = append(r.Presentations, p)
		}
	}
	return r
}

// help is what the editor tells of a setting, in English and Chinese.
func help(s config.PolicySetting) (english, chinese string) {
	en, zh := []string{s.Help.English}, []string{s.Help.Chinese}
	if s.Kind == config.PolicyNumber {
		en, zh = append(en, fmt.Sprintf("Allowed: %d to %d.", s.Min, s.Max)), append(zh, fmt.Sprintf("允许的范围：%d 到 %d。", s.Min, s.Max))
	}
	if s.Kind == config.PolicySwitch {
		en, zh = append(en, "Not configured: the machine's own configuration decides."), append(zh, "未配置：由该计算机自己的配置决定。")
	} else {
		en, zh = append(en, "Disabled or not configured: the machine's own configuration decides."), append(zh, "已禁用或未配置：由该计算机自己的配置决定。")
	}
	if s.Kind == config.PolicyNames {
		en, zh = append(en, "A name that the machine does not have changes nothing there."), append(zh, "该计算机上不存在的名称不起任何作用。")
	}
	if s.Key != "" {
		key := strings.ReplaceAll(s.Key, "*", "NAME")
		en, zh = append(en, "Configuration key: "+key), append(zh, "配置键："+key)
	}
	return strings.Join(en, "\n\n"), strings.Join(zh, "\n\n")
}

// presentationOf is how the editor asks for a setting; a switch is not asked for anything.
func presentationOf(s config.PolicySetting, say func(english, chinese string) string) (presentation, bool) {
	p := presentation{ID: s.Name}
	ref := elementID(s.Name)
	switch s.Kind {
	case config.PolicyText:
		p.Text = &textBox{ref, say("Value:", "值："), s.Default}
	case config.PolicyNumber:
		label := say("Number:", "数值：")
		if s.Unit != "" {
			label = s.Unit + ":"
		}
		p.Decimal = &decimalBox{ref, s.Default, label}
	case config.PolicyEnum:
		p.Dropdown = &dropdownList{ref, true, slices.Index(s.Values, s.Default), say("Value:", "值：")}
	case config.PolicyList:
		p.List = &listBox{ref, say("Entries:", "条目：")}
	case config.PolicyNames:
		p.List = &listBox{ref, say("Names and values:", "名称与值：")}
	case config.PolicyPairs:
		p.List = &listBox{ref, say("Keys and values:", "键与值：")}
	case config.PolicySwitch:
		return presentation{}, false
	}
	return p, true
}
