//! Choosing among overloads, as PostgreSQL's `func_select_candidate` does.

use backstay_model::{Type, TypeCategory};

use crate::polymorphic::Binding;
use crate::{CastContext, Resolver};

/// An overload: declared types, one per actual argument, and whatever the caller ties to it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<T> {
    pub(crate) args: Vec<Type>,
    pub(crate) payload: T,
}

/// Why no overload was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoChoice {
    /// None takes these arguments.
    None,
    /// Several do, equally well.
    Ambiguous,
}

impl Resolver<'_> {
    /// The best overload for arguments of these types.
    pub(crate) fn select<T>(
        &self,
        inputs: &[Type],
        mut candidates: Vec<Candidate<T>>,
    ) -> Result<Candidate<T>, NoChoice> {
        candidates.retain(|candidate| self.accepts(inputs, &candidate.args));
        if candidates.is_empty() {
            return Err(NoChoice::None);
        }
        let inputs: Vec<Type> = inputs.iter().map(|ty| ty.base(self.catalog())).collect();
        let exact =
            |index: usize, ty: &Type| inputs[index] != Type::Unknown && inputs[index] == *ty;
        keep_best(&mut candidates, |candidate| count(candidate, exact));
        keep_best(&mut candidates, |candidate| {
            count(candidate, |index, ty| {
                exact(index, ty)
                    || (inputs[index] != Type::Unknown && preferred(inputs[index].category(), ty))
            })
        });
        if candidates.len() > 1 && inputs.contains(&Type::Unknown) {
            candidates = narrow_by_category(&inputs, candidates);
        }
        if candidates.len() > 1 {
            candidates = self.narrow_by_known(&inputs, candidates);
        }
        let mut rest = candidates.into_iter();
        match (rest.next(), rest.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(NoChoice::Ambiguous),
        }
    }

    /// Can every argument be coerced implicitly?
    fn accepts(&self, inputs: &[Type], declared: &[Type]) -> bool {
        let plain = inputs.iter().zip(declared).all(|(input, declared)| {
            declared.is_polymorphic() || self.can_coerce(input, declared, CastContext::Implicit)
        });
        plain
            && !matches!(
                self.bind_polymorphic(declared, inputs, &Type::Void),
                Binding::Inconsistent
            )
    }

    /// If all typed arguments have one type, assume it for the untyped ones.
    fn narrow_by_known<T>(
        &self,
        inputs: &[Type],
        candidates: Vec<Candidate<T>>,
    ) -> Vec<Candidate<T>> {
        let mut known = inputs.iter().filter(|ty| **ty != Type::Unknown);
        let Some(first) = known.next() else { return candidates };
        if known.any(|ty| ty != first) || !inputs.contains(&Type::Unknown) {
            return candidates;
        }
        let assumed = vec![first.clone(); inputs.len()];
        let (fitting, rest): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| self.accepts(&assumed, &candidate.args));
        if fitting.len() == 1 { fitting } else { fitting.into_iter().chain(rest).collect() }
    }
}

fn preferred(category: TypeCategory, ty: &Type) -> bool {
    ty.category() == category && ty.is_preferred()
}

fn count<T>(candidate: &Candidate<T>, hit: impl Fn(usize, &Type) -> bool) -> usize {
    candidate.args.iter().enumerate().filter(|(index, ty)| hit(*index, ty)).count()
}

fn keep_best<T>(candidates: &mut Vec<Candidate<T>>, score: impl Fn(&Candidate<T>) -> usize) {
    let best = candidates.iter().map(&score).max().unwrap_or(0);
    candidates.retain(|candidate| score(candidate) == best);
}

/// Untyped literals are strings where a candidate takes a string; else of the one category that all
/// candidates take, and of its preferred type if one takes that.
fn narrow_by_category<T>(inputs: &[Type], candidates: Vec<Candidate<T>>) -> Vec<Candidate<T>> {
    let mut wanted = Vec::new();
    for (index, _) in inputs.iter().enumerate().filter(|(_, ty)| **ty == Type::Unknown) {
        let types: Vec<&Type> =
            candidates.iter().filter_map(|candidate| candidate.args.get(index)).collect();
        let Some(first) = types.first() else { return candidates };
        let category = if types.iter().any(|ty| ty.category() == TypeCategory::String) {
            TypeCategory::String
        } else if types.iter().all(|ty| ty.category() == first.category()) {
            first.category()
        } else {
            return candidates;
        };
        let has_preferred = types.iter().any(|ty| preferred(category, ty));
        wanted.push((index, category, has_preferred));
    }
    let fits = |candidate: &Candidate<T>| {
        wanted.iter().all(|(index, category, has_preferred)| {
            candidate.args.get(*index).is_some_and(|ty| {
                ty.category() == *category && (!has_preferred || ty.is_preferred())
            })
        })
    };
    if candidates.iter().any(fits) {
        candidates.into_iter().filter(fits).collect()
    } else {
        candidates
    }
}
