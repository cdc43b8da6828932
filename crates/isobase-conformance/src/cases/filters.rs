//! Filters. Every query is also asked with each of several indexes: the answer stays.

use crate::{RefusalKind, Shared, check::*};

type Filter = &'static [(&'static str, &'static str)];

/// Asks every query without an index and with each of the indexes.
async fn check(s: &Shared, queries: &[(Filter, &[&str])], indexes: &[&str]) {
    let compare = async |with: &str| {
        for (filter, expected) in queries {
            let found = ids(s, "a", filter).await;
            assert_eq!(found, *expected, "{filter:?} {with}");
        }
    };
    compare("without an index").await;
    for index in indexes {
        s.create_index("a", index).await.unwrap();
        compare(&format!("with an index on {index}")).await;
        s.drop_index("a", index).await.unwrap();
    }
    for index in indexes {
        s.create_index("a", index).await.unwrap();
    }
    compare("with all indexes").await;
}

async fn fill(s: &Shared, bodies: &[&str]) {
    let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
    create_all(s, "a", &bodies).await;
}

pub(crate) async fn equality_follows_types(s: Shared) {
    fill(
        &s,
        &[
            r#"{"v":5}"#,
            r#"{"v":5.0}"#,
            r#"{"v":"5"}"#,
            r#"{"v":true}"#,
            r#"{"v":"true"}"#,
            r#"{"v":null}"#,
            "{}",
            r#"{"v":[5]}"#,
            r#"{"v":{"v":5}}"#,
            r#"{"v":""}"#,
            r#"{"v":"null"}"#,
            r#"{"v":-0.0}"#,
            r#"{"v":0}"#,
            r#"{"v":false}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 20] = [
        (&[("v", "5")], &["1", "2", "3"]),
        (&[("v", "\"5\"")], &["3"]),
        (&[("v", "5.0")], &["1", "2"]),
        (&[("v", "5e0")], &["1", "2"]),
        (&[("v[eq]", "true")], &["4", "5"]),
        (&[("v", "\"true\"")], &["5"]),
        (&[("v", "null")], &["6", "7", "11"]),
        (&[("v", "\"null\"")], &["11"]),
        (&[("v", "")], &["10"]),
        (&[("v", "0")], &["12", "13"]),
        (&[("v", "-0")], &["12", "13"]),
        (&[("v", "false")], &["14"]),
        (&[("v[in]", "5,true,null")], &["1", "2", "3", "4", "5", "6", "7", "11"]),
        (&[("v[in]", "(\"5\",\"\")")], &["3", "10"]),
        (&[("v[ne]", "5")], &["4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"]),
        (&[("v[nin]", "5,0,true,false,null")], &["8", "9", "10"]),
        (&[("v[null]", "true")], &["6", "7"]),
        (
            &[("v[null]", "false")],
            &["1", "2", "3", "4", "5", "8", "9", "10", "11", "12", "13", "14"],
        ),
        (&[("v.v", "5")], &["9"]),
        (&[("v.0", "5")], &["8"]),
    ];
    check(&s, &queries, &["v", "-v", "v.v", "v.0,v"]).await;
}

pub(crate) async fn comparisons_stay_within_a_type(s: Shared) {
    fill(
        &s,
        &[
            r#"{"v":17}"#,
            r#"{"v":18}"#,
            r#"{"v":18.5}"#,
            r#"{"v":"20"}"#,
            r#"{"v":"b"}"#,
            r#"{"v":"a"}"#,
            r#"{"v":null}"#,
            "{}",
            r#"{"v":true}"#,
            r#"{"v":false}"#,
            r#"{"v":[99]}"#,
            r#"{"v":-1e300}"#,
            r#"{"v":"é"}"#,
            r#"{"v":""}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 17] = [
        (&[("v[gt]", "18")], &["3"]),
        (&[("v[gte]", "18")], &["2", "3"]),
        (&[("v[lt]", "18")], &["1", "12"]),
        (&[("v[lte]", "18.0")], &["1", "2", "12"]),
        (&[("v[gt]", "\"18\"")], &["4", "5", "6", "13"]),
        (&[("v[gt]", "a")], &["5", "13"]),
        (&[("v[gte]", "a")], &["5", "6", "13"]),
        (&[("v[lt]", "b")], &["4", "6", "14"]),
        (&[("v[lte]", "\"\"")], &["14"]),
        (&[("v[gte]", "false")], &["9", "10"]),
        (&[("v[gt]", "false")], &["9"]),
        (&[("v[lt]", "false")], &[]),
        (&[("v[gte]", "17"), ("v[lt]", "18.5")], &["1", "2"]),
        (&[("v[gt]", "17"), ("v[gt]", "18")], &["3"]),
        (&[("v[gt]", "17"), ("v[lt]", "b")], &[]),
        (&[("v[gte]", "17"), ("v", "18")], &["2"]),
        (&[("v[lt]", "-1e299")], &["12"]),
    ];
    check(&s, &queries, &["v", "-v"]).await;
}

pub(crate) async fn numbers_are_compared_by_value(s: Shared) {
    fill(
        &s,
        &[
            r#"{"v":9007199254740992}"#,
            r#"{"v":9007199254740993}"#,
            r#"{"v":9007199254740992.0}"#,
            r#"{"v":9223372036854775807}"#,
            r#"{"v":9223372036854775808}"#,
            r#"{"v":-9223372036854775808}"#,
            r#"{"v":1e300}"#,
            r#"{"v":123456789012345678901234567890}"#,
            r#"{"v":0.1}"#,
            r#"{"v":0.1000000000000000055511151231257827}"#,
            r#"{"v":5e-324}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 11] = [
        (&[("v", "9007199254740992")], &["1", "3"]),
        (&[("v", "9007199254740993")], &["2"]),
        (&[("v[gt]", "9007199254740992"), ("v[lt]", "1e17")], &["2"]),
        (&[("v[gte]", "9007199254740993"), ("v[lt]", "1e17")], &["2"]),
        (&[("v", "9223372036854775807")], &["4"]),
        (&[("v", "9223372036854775808")], &["5"]),
        (&[("v[gt]", "9223372036854775807")], &["5", "7", "8"]),
        (&[("v[lte]", "-9223372036854775808")], &["6"]),
        (&[("v", "123456789012345678901234567890")], &["8"]),
        (&[("v", "0.1")], &["9", "10"]),
        (&[("v[gt]", "0"), ("v[lt]", "0.1")], &["11"]),
    ];
    check(&s, &queries, &["v", "-v"]).await;
}

pub(crate) async fn nested_paths_reach_inside(s: Shared) {
    fill(
        &s,
        &[
            r#"{"a":{"city":"Bonn","n":{"x":1}},"tags":["red","blue"]}"#,
            r#"{"a":{"city":"Kiel"},"tags":["blue"]}"#,
            r#"{"a":"Bonn","tags":"red"}"#,
            r#"{"a":null}"#,
            r#"{"a.city":"Bonn"}"#,
            r#"{"a":[{"city":"Bonn"}],"tags":[["red"],{"k":1}]}"#,
            r#"{"":{"":7}}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 14] = [
        (&[("a.city", "Bonn")], &["1"]),
        (&[("a.city[ne]", "Bonn")], &["2", "3", "4", "5", "6", "7"]),
        (&[("a.city[null]", "true")], &["3", "4", "5", "6", "7"]),
        (&[("a.n.x", "1")], &["1"]),
        (&[("\"a.city\"", "Bonn")], &["5"]),
        (&[("a.0.city", "Bonn")], &["6"]),
        (&[("tags.0", "red")], &["1"]),
        (&[("tags.1", "blue")], &["1"]),
        (&[("tags.01", "blue")], &[]),
        (&[("tags[contains]", "red")], &["1", "3"]),
        (&[("tags[contains]", "blue")], &["1", "2"]),
        (&[("tags[contains]", "re")], &["3"]),
        (&[("\"\".\"\"", "7")], &["7"]),
        (&[("a", "Bonn")], &["3"]),
    ];
    check(&s, &queries, &["a.city", "a.n.x", "\"a.city\"", "tags.0", "a", "-tags"]).await;
}

pub(crate) async fn groups_combine_conditions(s: Shared) {
    let bodies: Vec<String> = (0..12)
        .map(|n| format!("{{\"n\":{n},\"odd\":{},\"name\":\"n{n}\"}}", n % 2 == 1))
        .collect();
    create_all(&s, "a", &bodies).await;
    let queries: [(Filter, &[&str]); 12] = [
        (&[("or", "(n.eq.1,n.eq.3)")], &["2", "4"]),
        (&[("or", "(n.lt.1,n.gt.10)")], &["1", "12"]),
        (&[("or", "(n.eq.1,name.eq.n1)")], &["2"]),
        (&[("and", "(n.gte.2,n.lt.4)")], &["3", "4"]),
        (&[("not", "(n.gte.2)")], &["1", "2"]),
        (&[("not", "(n.gte.2,odd.eq.true)")], &["1", "2", "3", "5", "7", "9", "11"]),
        (&[("or", "(and(n.gt.3,n.lt.6),name.like.n1_)")], &["5", "6", "11", "12"]),
        (&[("or", "(n.eq.1,n.eq.2)"), ("or", "(n.eq.2,n.eq.3)")], &["3"]),
        (&[("odd", "true"), ("or", "(n.in.(1,2,3),name.eq.\"n9\")")], &["2", "4", "10"]),
        (&[("or", "(n.eq.1,not(n.lt.11))")], &["2", "12"]),
        (&[("not", "(or(n.lt.5,n.gt.6))")], &["6", "7"]),
        (&[("n[in]", "1,2,3"), ("n[in]", "3,4")], &["4"]),
    ];
    check(&s, &queries, &["n", "-n", "odd,n", "name", "n,name"]).await;
}

pub(crate) async fn patterns_match_whole_strings(s: Shared) {
    fill(
        &s,
        &[
            r#"{"v":"Anna"}"#,
            r#"{"v":"anna"}"#,
            r#"{"v":"Annabelle"}"#,
            r#"{"v":"50%"}"#,
            r#"{"v":"50 percent"}"#,
            r#"{"v":"a_b"}"#,
            r#"{"v":"axb"}"#,
            r#"{"v":"ÄRGER"}"#,
            r#"{"v":"line\nbreak"}"#,
            r#"{"v":""}"#,
            r#"{"v":50}"#,
            r#"{"v":["Anna"]}"#,
            "{}",
            r#"{"v":"a\\b"}"#,
            r#"{"v":"😀x"}"#,
            r#"{"v":"ΟΔΥΣΣΕΥΣ"}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 16] = [
        (&[("v[like]", "Anna")], &["1"]),
        (&[("v[like]", "Anna%")], &["1", "3"]),
        (&[("v[ilike]", "anna%")], &["1", "2", "3"]),
        (&[("v[like]", "%nn%")], &["1", "2", "3"]),
        (&[("v[like]", "50\\%")], &["4"]),
        (&[("v[like]", "50%")], &["4", "5"]),
        (&[("v[like]", "a_b")], &["6", "7", "14"]),
        (&[("v[like]", "a\\_b")], &["6"]),
        (&[("v[ilike]", "ärger")], &["8"]),
        // A capital sigma at the end of a word is a small one of its own.
        (&[("v[ilike]", "ΟΔΥΣ%")], &["16"]),
        (&[("v[ilike]", "οδυσσευς")], &["16"]),
        (&[("v[like]", "line%")], &["9"]),
        (&[("v[like]", "")], &["10"]),
        (&[("v[like]", "_x")], &["15"]),
        (&[("v[like]", "a\\\\b")], &["14"]),
        (&[("not", "(v.like.%)")], &["11", "12", "13"]),
    ];
    check(&s, &queries, &["v", "-v"]).await;
}

pub(crate) async fn contains_looks_into_strings_and_arrays(s: Shared) {
    fill(
        &s,
        &[
            r#"{"v":"hello world"}"#,
            r#"{"v":["hello","x"]}"#,
            r#"{"v":[1,2,"3",null,true]}"#,
            r#"{"v":[1.0]}"#,
            r#"{"v":[[1]]}"#,
            r#"{"v":{"a":1}}"#,
            r#"{"v":"1"}"#,
            r#"{"v":1}"#,
            r#"{"v":[]}"#,
        ],
    )
    .await;
    let queries: [(Filter, &[&str]); 7] = [
        (&[("v[contains]", "hello")], &["1", "2"]),
        (&[("v[contains]", "1")], &["3", "4", "7"]),
        (&[("v[contains]", "\"1\"")], &["7"]),
        (&[("v[contains]", "3")], &["3"]),
        (&[("v[contains]", "true")], &["3"]),
        (&[("v[contains]", "null")], &[]),
        (&[("v[contains]", "a")], &[]),
    ];
    check(&s, &queries, &["v"]).await;
}

pub(crate) async fn ids_are_filtered_like_fields(s: Shared) {
    fill(&s, &["{}", "{}", "{}", "{}", "{}"]).await;
    for id in ["a", "b", "c", "03"] {
        put_new(&s, "a", id, "{}").await;
    }
    let queries: [(Filter, &[&str]); 17] = [
        (&[("id", "3")], &["3"]),
        (&[("id", "3.0")], &["3"]),
        (&[("id", "\"3\"")], &[]),
        (&[("id", "03")], &["\"03\""]),
        (&[("id", "b")], &["\"b\""]),
        (&[("id[in]", "b,2,5,2,zz,77")], &["2", "5", "\"b\""]),
        (&[("id[gt]", "3")], &["4", "5"]),
        (&[("id[gte]", "2"), ("id[lt]", "4")], &["2", "3"]),
        (&[("id[gt]", "a")], &["\"b\"", "\"c\""]),
        (&[("id[lte]", "a")], &["\"03\"", "\"a\""]),
        (&[("id[gt]", "3.5")], &["4", "5"]),
        (&[("id[null]", "true")], &[]),
        (&[("id", "null")], &[]),
        (&[("id[like]", "%")], &["\"03\"", "\"a\"", "\"b\"", "\"c\""]),
        (&[("id[ne]", "3"), ("id[lt]", "9")], &["1", "2", "4", "5"]),
        (&[("id[lt]", "-1")], &[]),
        (&[("or", "(id.eq.1,id.eq.c)")], &["1", "\"c\""]),
    ];
    check(&s, &queries, &["x", "x,id", "id", "-id"]).await;
    assert_eq!(ids(&s, "a", &[("id[in]", "2,5,b"), ("sort", "-id")]).await, ["\"b\"", "5", "2"]);
}

pub(crate) async fn long_strings_are_compared_whole(s: Shared) {
    let base = "x".repeat(256);
    let values: Vec<String> = ["", "a", "b", "ab", "\u{1}"]
        .iter()
        .map(|tail| format!("{base}{tail}"))
        .chain([base[..255].to_owned(), "y".to_owned(), format!("{}é", &base[..255])])
        .collect();
    let bodies: Vec<String> = values.iter().map(|v| format!("{{\"v\":{}}}", quoted(v))).collect();
    create_all(&s, "a", &bodies).await;
    let order = {
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by(|a, b| values[*a].cmp(&values[*b]));
        places
    };
    let expect = |keep: &dyn Fn(&str) -> bool| {
        (0..values.len()).filter(|n| keep(&values[*n])).map(|n| (n + 1).to_string()).collect()
    };
    let compare = async |with: &str| {
        for value in &values {
            let literal = quoted(value);
            let asked: [(&str, Vec<String>); 6] = [
                ("v", expect(&|v| v == value)),
                ("v[gt]", expect(&|v| v > value.as_str())),
                ("v[gte]", expect(&|v| v >= value.as_str())),
                ("v[lt]", expect(&|v| v < value.as_str())),
                ("v[lte]", expect(&|v| v <= value.as_str())),
                ("v[ne]", expect(&|v| v != value)),
            ];
            for (name, expected) in asked {
                let found = ids(&s, "a", &[(name, &literal)]).await;
                assert_eq!(found, expected, "{name} {} bytes {with}", value.len());
                let page =
                    list(&s, "a", &[(name, &literal), ("limit", "1"), ("count", "exact")]).await;
                assert_eq!(page.total, Some(expected.len() as u64), "{name} {with}");
            }
        }
    };
    assert_eq!(order.len(), 8);
    compare("without an index").await;
    for index in ["v", "-v"] {
        s.create_index("a", index).await.unwrap();
        compare(index).await;
        s.drop_index("a", index).await.unwrap();
    }
}

pub(crate) async fn malformed_parameters_are_refused(s: Shared) {
    create(&s, "a", r#"{"v":1}"#).await;
    let malformed: [&[(&str, &str)]; 18] = [
        &[("v[foo]", "1")],
        &[("v[]", "1")],
        &[("limit", "0")],
        &[("limit", "-1")],
        &[("limit", "x")],
        &[("limit", "1000000")],
        &[("page", "0")],
        &[("page", "1"), ("cursor", "x")],
        &[("sort", "")],
        &[("sort", "a,,b")],
        &[("fields", "")],
        &[("count", "maybe")],
        &[("or", "(v.eq.1")],
        &[("or", "v.eq.1")],
        &[("v[in]", "")],
        &[("v[null]", "perhaps")],
        &[("v", "1e999")],
        &[("v[gt]", "null")],
    ];
    for parameters in malformed {
        let kind = list_refused(&s, "a", parameters).await;
        assert_eq!(kind, RefusalKind::InvalidParameter, "{parameters:?}");
    }
}

pub(crate) async fn fields_are_left_out(s: Shared) {
    create(&s, "a", r#"{"b":{"c":2,"d":[1,2]},"a":1,"z":"x"}"#).await;
    let cases = [
        ("a", r#"{"a":1,"id":1}"#),
        ("z,a", r#"{"a":1,"z":"x","id":1}"#),
        ("b.c", r#"{"b":{"c":2},"id":1}"#),
        ("b.d.0", r#"{"b":{"d":[1,2]},"id":1}"#),
        ("missing", r#"{"id":1}"#),
        ("id", r#"{"id":1}"#),
        ("b,b.c", r#"{"b":{"c":2,"d":[1,2]},"id":1}"#),
    ];
    for (fields, expected) in cases {
        let listed = list(&s, "a", &[("fields", fields)]).await;
        assert_eq!(listed.documents, [expected], "{fields}");
        // Fields that are left out still decide.
        let parameters = [("fields", fields), ("z", "x"), ("sort", "-a"), ("limit", "5")];
        assert_eq!(list(&s, "a", &parameters).await.documents, [expected], "{fields}");
    }
}

pub(crate) async fn many_alternatives_are_all_found(s: Shared) {
    let bodies: Vec<String> = (0..300).map(|n| format!("{{\"n\":{n},\"m\":{}}}", n % 7)).collect();
    create_all(&s, "a", &bodies).await;
    let compare = async |with: &str| {
        for count in [1_usize, 63, 64, 65, 100, 200] {
            let wanted: Vec<String> = (0..count).map(|n| (n * 2).to_string()).collect();
            let expected: Vec<String> = (0..count)
                .map(|n| n * 2 + 1)
                .filter(|id| *id <= 300)
                .map(|id| id.to_string())
                .collect();
            let wanted = wanted.join(",");
            assert_eq!(ids(&s, "a", &[("n[in]", &wanted)]).await, expected, "{count} {with}");
            let mut sorted: Vec<(usize, usize)> = expected
                .iter()
                .map(|id| id.parse::<usize>().unwrap())
                .map(|id| ((id - 1) % 7, id))
                .collect();
            sorted.sort_unstable();
            let sorted: Vec<String> = sorted.iter().map(|(_, id)| id.to_string()).collect();
            let parameters = [("n[in]", wanted.as_str()), ("sort", "m")];
            assert_eq!(ids(&s, "a", &parameters).await, sorted, "{count} {with}");
            let id_list = expected.iter().rev().cloned().collect::<Vec<_>>().join(",");
            assert_eq!(ids(&s, "a", &[("id[in]", &id_list)]).await, expected, "{count} {with}");
        }
    };
    compare("without an index").await;
    for index in ["n", "n,m", "m"] {
        s.create_index("a", index).await.unwrap();
        compare(index).await;
    }
}
