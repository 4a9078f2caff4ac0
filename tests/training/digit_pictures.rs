//! `predict` on photographs and drawings of digits of any size, made by `tests/python/draw_digits.py`.

use std::fs;

use serde_json::Value;

use testing::{example, python_code, root, run};

/// Of 33 drawings at least 31 are answered correctly, and of ten photographs 8. The 1 with a long flag
/// is not among MNIST's ones.
#[test]
fn photographs_and_drawings_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    python_code("tests/python/draw_digits.py", &[folder.path().as_os_str()]);
    let files = fs::read_dir(&folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut predict = example("digit_classifier");
    predict
        .args(["predict", "--threads=1", "--json", "--weights"])
        .arg(root("data/playground/digits.safetensors"))
        .args(&names)
        .current_dir(&folder);
    let output = run(&mut predict);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), names.len());
    for (kind, count, least) in [("drawing", 33, 31), ("photo", 10, 8)] {
        let of_kind = names.iter().zip(&answers);
        let of_kind: Vec<_> = of_kind.filter(|(name, _)| name.starts_with(kind)).collect();
        let wrong: Vec<&String> = (of_kind.iter())
            .filter(|(name, answer)| {
                let digit: u64 = name.split(['-', '.']).nth(1).unwrap().parse().unwrap();
                answer["class"] != digit
            })
            .map(|(name, _)| *name)
            .collect();
        println!("{kind}: {} of {count}", count - wrong.len());
        assert_eq!(of_kind.len(), count);
        assert!(of_kind.len() - wrong.len() >= least, "{wrong:?}");
    }
}

/// A picture that is no digit on a plain ground is answered with a note that says so.
#[test]
fn a_picture_of_no_digit_says_so() {
    use image::{GrayImage, ImageFormat, Luma};
    let folder = tempfile::tempdir().unwrap();
    let noise = GrayImage::from_fn(200, 200, |x, y| {
        Luma([(x * 7919 + y * 104_729 + x * y * 31) as u8])
    });
    let plain = GrayImage::from_pixel(200, 200, Luma([180]));
    for (name, picture, doubt) in [
        ("noise.png", noise, "may be no digit on a plain ground"),
        ("plain.png", plain, "no ink was found"),
    ] {
        let path = folder.path().join(name);
        picture.save_with_format(&path, ImageFormat::Png).unwrap();
        let (_, note) = final_layer::data::picture::read_digit(&path, false).unwrap();
        assert!(note.contains(doubt), "{note}");
    }
}
