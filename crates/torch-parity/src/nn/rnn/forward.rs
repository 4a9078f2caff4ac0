//! The common methods of the recurrent layers.

/// Defines the public methods of a layer that has `base`, `run`, `run_packed` and `zeros`;
/// `$shapes` describes the shapes of its state.
macro_rules! forward_of {
    ($layer:ident, $state:ident, $shapes:literal) => {
        impl $layer {
            /// The output for a sequence, and the state after its last step.
            ///
            /// The input may also be unbatched, `(L, input_size)`; then all shapes lack N. The
            /// state before the first step, by default zeros, and the returned state
            #[doc = $shapes]
            ///
            /// # Panics
            /// If [`f_forward_t`](Self::f_forward_t) returns an error.
            #[track_caller]
            pub fn forward_t(
                &self,
                input: &Tensor,
                hx: Option<&$state>,
                train: bool,
            ) -> (Tensor, $state) {
                or_panic(self.f_forward_t(input, hx, train))
            }

            /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
            ///
            /// # Errors
            /// With Python's message, if the input or the state has another shape or dtype.
            pub fn f_forward_t(
                &self,
                input: &Tensor,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(Tensor, $state)> {
                self.run(input, hx, train)
            }

            /// As [`forward_t`](Self::forward_t), for sequences of different lengths packed
            /// together.
            ///
            /// The samples of the state are in the original order, as before packing.
            ///
            /// # Panics
            /// If [`f_forward_packed_t`](Self::f_forward_packed_t) returns an error.
            #[track_caller]
            pub fn forward_packed_t(
                &self,
                input: &PackedSequence,
                hx: Option<&$state>,
                train: bool,
            ) -> (PackedSequence, $state) {
                or_panic(self.f_forward_packed_t(input, hx, train))
            }

            /// As [`forward_packed_t`](Self::forward_packed_t), but returns an error instead of
            /// panicking.
            ///
            /// # Errors
            /// With Python's message, if the input or the state has another shape or dtype.
            pub fn f_forward_packed_t(
                &self,
                input: &PackedSequence,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(PackedSequence, $state)> {
                self.run_packed(input, hx, train)
            }
        }

        /// tch's trait. The config's `batch_first` gives the batch dimension, and its `train` turns
        /// dropout on.
        impl RNN for $layer {
            type State = $state;

            #[track_caller]
            fn zero_state(&self, batch_dim: i64) -> $state {
                or_panic(self.zeros(batch_dim))
            }

            /// The state after one step with an input `(N, input_size)`.
            #[track_caller]
            fn step(&self, input: &Tensor, state: &$state) -> $state {
                let input = input.unsqueeze(self.base.time_dim());
                self.seq_init(&input, state).1
            }

            #[track_caller]
            fn seq(&self, input: &Tensor) -> (Tensor, $state) {
                self.forward_t(input, None, self.base.config.train)
            }

            #[track_caller]
            fn seq_init(&self, input: &Tensor, state: &$state) -> (Tensor, $state) {
                self.forward_t(input, Some(state), self.base.config.train)
            }
        }
    };
}
pub(super) use forward_of;
