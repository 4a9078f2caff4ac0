use tch::{Device, Tensor};

/// The inputs or outputs of a network: a tensor, a tuple of several, a `Vec` of any number, or a
/// nesting of these.
///
/// Each tensor has the same name in the traces of both languages: a single tensor has the name of
/// the whole; to the name of one of several, a dot and its place are added.
///
/// ```
/// use final_layer::tasks::Tensors;
/// use tch::Tensor;
///
/// let [a, b, c] = [1, 2, 3].map(Tensor::from);
/// let names = |named: Vec<(String, Tensor)>| -> Vec<_> {
///     named.into_iter().map(|(name, _)| name).collect()
/// };
/// assert_eq!(names(a.named("output")), ["output"]);
/// let state = (b.shallow_clone(), c.shallow_clone());
/// assert_eq!(names((a, state).named("output")), ["output.0", "output.1.0", "output.1.1"]);
/// assert_eq!(names(vec![b, c].named("input")), ["input.0", "input.1"]);
/// ```
pub trait Tensors: Sized {
    /// Calls `each` with each tensor's name and the tensor, in order; `name` is the name of the
    /// whole.
    fn visit(&self, name: &str, each: &mut dyn FnMut(String, &Tensor));

    /// The same structure with `f` applied to each tensor, in order.
    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self;

    /// `Some` if the value is a single tensor.
    fn one(&self) -> Option<&Tensor> {
        None
    }

    /// The value for a single tensor; the inverse of [`Tensors::one`].
    fn from_one(_tensor: Tensor) -> Option<Self> {
        None
    }

    /// Each tensor with its name; `name` is the name of the whole.
    fn named(&self, name: &str) -> Vec<(String, Tensor)> {
        let mut named = Vec::new();
        self.visit(name, &mut |name, tensor| {
            named.push((name, tensor.shallow_clone()));
        });
        named
    }

    /// The tensors, in order.
    fn tensors(&self) -> Vec<Tensor> {
        self.named("")
            .into_iter()
            .map(|(_, tensor)| tensor)
            .collect()
    }

    /// The same tensors without autograd history, as from `Tensor::detach`.
    fn detach(&self) -> Self {
        self.map(&mut Tensor::detach)
    }

    /// The same tensors on `device`.
    fn to_device(&self, device: Device) -> Self {
        self.map(&mut |tensor| tensor.to_device(device))
    }

    /// Concatenates batches, each `(N, …)`. There must be at least one; all have as many tensors as
    /// the first.
    fn concatenate(batches: &[Self]) -> Self {
        let batches: Vec<_> = batches
            .iter()
            .map(|batch| (batch, batch.tensors()))
            .collect();
        let mut places = 0..;
        batches[0].0.map(&mut |_| {
            let place = places.next().expect("the range has no end");
            let parts: Vec<_> = batches.iter().map(|(_, tensors)| &tensors[place]).collect();
            Tensor::cat(&parts, 0)
        })
    }
}

impl Tensors for Tensor {
    fn visit(&self, name: &str, each: &mut dyn FnMut(String, &Tensor)) {
        each(name.to_owned(), self);
    }

    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        f(self)
    }

    fn one(&self) -> Option<&Tensor> {
        Some(self)
    }

    fn from_one(tensor: Tensor) -> Option<Self> {
        Some(tensor)
    }
}

impl<T: Tensors> Tensors for Vec<T> {
    fn visit(&self, name: &str, each: &mut dyn FnMut(String, &Tensor)) {
        for (place, part) in self.iter().enumerate() {
            part.visit(&format!("{name}.{place}"), each);
        }
    }

    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        self.iter().map(|part| part.map(f)).collect()
    }
}

/// Implements [`Tensors`] for tuples.
macro_rules! tuple {
    ($($part:ident $place:tt),+) => {
        impl<$($part: Tensors),+> Tensors for ($($part,)+) {
            fn visit(&self, name: &str, each: &mut dyn FnMut(String, &Tensor)) {
                $(self.$place.visit(&format!("{name}.{}", $place), each);)+
            }

            fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
                ($(self.$place.map(f),)+)
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_concatenated_part_by_part() {
        let batch = |from: i64| {
            let of = |first: i64| Tensor::from_slice(&[first, first + 1]).view([2, 1]);
            (of(from), vec![of(from + 10), of(from + 20)])
        };
        let (first, rest) = Tensors::concatenate(&[batch(0), batch(2)]);
        let expected = |first: i64| Tensor::from_slice(&[0i64, 1, 2, 3]).view([4, 1]) + first;
        assert_eq!(first, expected(0));
        assert_eq!(rest, [expected(10), expected(20)]);
    }

    #[test]
    fn detached_tensors_have_no_history() {
        let leaf = Tensor::from(1f32).set_requires_grad(true);
        let output = (&leaf * 2., (&leaf * 3., &leaf * 4.));
        assert!(output.tensors().iter().all(Tensor::requires_grad));
        let detached = output.detach();
        assert!(!detached.tensors().iter().any(Tensor::requires_grad));
        let values = detached.tensors().into_iter().map(f32::try_from);
        assert_eq!(values.collect::<Result<Vec<_>, _>>().unwrap(), [2., 3., 4.]);
    }
}
