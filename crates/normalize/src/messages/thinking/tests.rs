use super::*;

fn separated(role: &str, text: &str) -> Vec<Part> {
    let mut message = Message::text(role, text);
    separate_thinking(&mut message);
    message.parts
}

fn text(content: &str) -> Part {
    Part::Text { content: content.into() }
}

fn reasoning(content: &str) -> Part {
    Part::reasoning(content)
}

#[test]
fn reasoning_before_the_answer_is_a_part_of_its_own() {
    let expected = [reasoning("2 + 2"), text("4")];
    assert_eq!(separated("assistant", "<think>\n2 + 2\n</think>\n\n4"), expected);
    assert_eq!(separated("assistant", "\n<thinking>2 + 2</thinking>4"), expected);
    assert_eq!(separated("assistant", "<think>\n\n</think>\n\n4"), [text("4")], "as models write that do not think");
    assert_eq!(separated("assistant", "<think>only this</think>"), [reasoning("only this")]);
}

#[test]
fn what_is_no_reasoning_stays() {
    for (role, content) in [
        ("user", "<think>a</think>b"),
        ("assistant", "The tag <think>a</think> is written so."),
        ("assistant", "<think>cut off"),
        ("assistant", "<thinker>a</thinker>"),
    ] {
        assert_eq!(separated(role, content), [text(content)]);
    }
    let mut told = Message::text("assistant", "<think>a</think>b");
    told.parts.insert(0, reasoning("told apart"));
    let before = told.clone();
    separate_thinking(&mut told);
    assert_eq!(told, before);
}
